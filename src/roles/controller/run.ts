/** Starts a controller on the real cluster, and ends it. */
import { dirname } from "node:path";
import { type Duration, millis, seconds } from "#base/time";
import { VERSION } from "#base/version";
import type { ControllerEvent, ControllerObservation } from "#core/controller/event";
import { controllerSentence } from "#core/controller/sentence";
import { leaseConfigProblem } from "#core/lease/config";
import { makeDirectory } from "#drivers/files/directory";
import { giveBack, growModerately } from "#drivers/host/memory";
import type { AdminServer } from "#drivers/http/server";
import { openServers } from "#drivers/http/servers";
import { openCluster } from "#drivers/kubernetes/cluster";
import { credentialWarnings } from "#drivers/kubernetes/credentials";
import { findCredentials } from "#drivers/kubernetes/in-cluster";
import { type Leader, runLeader } from "#drivers/kubernetes/leader";
import { pause, systemTime } from "#drivers/kubernetes/time";
import { openLog } from "#drivers/log/linux";
import { createBursts } from "#runtime/cluster/bursts";
import { adminRoutes, type PageSources, publicRoutes } from "#runtime/cluster/pages";
import { Controller } from "./controller.ts";
import { type ControllerOptions, EXIT } from "./options.ts";
import { createTap, type Tap } from "./tap.ts";
import { openWebhook, type Webhook } from "./webhook.ts";

/** The renewals of a lease of this length: as Kubernetes' own components have them for 15 s. */
const leaseTimes = (duration: number) => ({
  leaseDuration: millis(duration),
  renewDeadline: millis((duration * 2) / 3),
  retryPeriod: millis(Math.min(2_000, (duration * 2) / 15)),
});

const openPages = async (
  { admin: path, listen }: ControllerOptions,
  sources: PageSources<ControllerEvent, ControllerObservation>,
): Promise<AdminServer | string> => {
  const problem = makeDirectory(dirname(path));
  if (problem !== undefined) return problem;
  const servers = await openServers(
    { path, routes: adminRoutes(sources) },
    listen === undefined ? undefined : { address: listen, routes: publicRoutes(sources) },
  );
  return "message" in servers ? servers.message : servers;
};

/** Takes part in the election, or leads at once where nothing is written. */
const startLeading = (controller: Controller, tap: Tap, options: ControllerOptions): Leader | undefined => {
  if (options.webhookMode === "only") return undefined;
  if (options.shadow) {
    controller.lead();
    return undefined;
  }
  const leader: Leader = runLeader({
    cluster: controller.cluster,
    namespace: options.namespace,
    name: options.leaseName,
    config: { identity: options.identity, ...leaseTimes(options.leaseDuration) },
    onLead: () => {
      tap.tell({ type: "leadership", state: "leading" });
      controller.lead();
    },
    onLost: (reason) => {
      const holder = reason === "taken" && leader.holder !== "" ? { holder: leader.holder } : {};
      const lost = reason === "stopped" ? { state: "standby" as const } : { state: "lost" as const, reason };
      tap.tell({ type: "leadership", ...lost, ...holder });
      return controller.standBy();
    },
    onTrouble: (failure) => {
      const state = failure === undefined ? "ended" : "begun";
      const detail = failure === undefined ? {} : { detail: failure.message };
      tap.tell({ type: "api-trouble", resource: "leases", state, ...detail });
    },
  });
  return leader;
};

const startWebhook = (controller: Controller, tap: Tap, options: ControllerOptions): Webhook | undefined => {
  if (options.webhookMode === "disabled" || options.shadow) return undefined;
  const { namespace, webhookService: service, webhookAddress: address, takeConversion } = options;
  return openWebhook({
    ...{ cluster: controller.cluster, tap, clock: systemTime, namespace, service, address, takeConversion },
    current: () => ({
      objects: controller.mirror.objects().map(({ object }) => object),
      namespaces: controller.mirror.namespaces(),
      namespace,
    }),
    onExpiry: (end) => controller.setCertificateExpiry(end),
  });
};

/** What is wrong with the command line. */
const optionsProblem = ({ leaseDuration, identity }: ControllerOptions): string | undefined =>
  leaseConfigProblem({ identity, ...leaseTimes(leaseDuration) });

const complain = (message: string): void => void process.stderr.write(`steelyard controller: ${message}\n`);

/** How long writes that are under way are waited for once the lease is given back, or cannot be. */
const FAREWELL = seconds(2);

/** The first of these ends the program in peace; a second one ends it at once, even where it is the first process. */
const untilSignal = (): Promise<string> =>
  new Promise((resolve) => {
    let isEnding = false;
    for (const signal of ["SIGTERM", "SIGINT"] as const)
      process.on(signal, () => {
        if (isEnding) process.exit(EXIT.environment);
        isEnding = true;
        resolve(signal);
      });
  });

/** Waits for the end of something that may hang on an API server which does not answer. */
const endWithin = async (limit: Duration, ended: Promise<void>): Promise<void> => {
  const isOver = new AbortController();
  await Promise.race([ended, pause(systemTime, limit, isOver.signal)]);
  isOver.abort();
};

/** Runs until it is told to stop; gives the exit status. */
export const runController = async (options: ControllerOptions): Promise<number> => {
  const problem = optionsProblem(options);
  if (problem !== undefined) {
    complain(problem);
    return EXIT.usage;
  }
  const credentials = findCredentials({ kubeconfig: options.kubeconfig });
  if (!credentials.ok) {
    complain(credentials.problem);
    return EXIT.environment;
  }
  const log = openLog({ format: options.logFormat, level: options.logLevel });
  const tap = createTap({ log, withFields: options.logFormat === "json", now: systemTime.wall });
  growModerately();
  const bursts = createBursts(systemTime, giveBack);
  const cluster = openCluster(credentials.value, { onRead: bursts.note });
  // From the start: the first process of a container is sent no signal that it does not listen to.
  const signalled = untilSignal();
  let webhook: Webhook | undefined;
  let leader: Leader | undefined;
  const mayWrite = (): boolean => leader?.leads === true;
  const controller = new Controller({ cluster, tap, clock: systemTime, mayWrite, options });
  const servers = await openPages(options, {
    recent: tap.recent,
    sentence: controllerSentence,
    isReady: () => controller.isReady && (webhook?.isServing ?? true),
    metrics: () => controller.metrics(),
    status: () => controller.status(),
    explain: (key) => controller.explain(key),
    ignorance: () => controller.ignorance,
  });
  if (typeof servers === "string") {
    complain(servers);
    await controller.close();
    cluster.close();
    log.close();
    return EXIT.environment;
  }
  tap.tell({
    type: "controller",
    change: "started",
    detail: `${VERSION}, ${credentials.value.server}`,
    warnings: credentialWarnings(credentials.value),
  });
  leader = startLeading(controller, tap, options);
  webhook = startWebhook(controller, tap, options);
  const signal = await signalled;
  tap.tell({ type: "controller", change: "stopping", detail: signal });
  // Whoever leads next may begin before we have ended, but not before our last write has.
  await leader?.stop();
  await webhook?.close();
  await endWithin(FAREWELL, controller.close());
  await servers.close();
  cluster.close();
  bursts.close();
  log.close();
  return EXIT.ok;
};
