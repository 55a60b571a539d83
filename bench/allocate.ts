/**
 * How long Services wait for their addresses on a real API server, and what the controller costs meanwhile.
 *
 * The bench creates Services and watches them as anybody would; a Service's wait is from its POST being sent to the watch
 * showing its address. etcd, API server, controller and bench share the machine.
 */
import { setTimeout as pause } from "node:timers/promises";
import { type ControlPlane, startControlPlane } from "#test/cluster/bed";
import { type Controller, install, leaderOf, openController } from "#test/cluster/controller";
import { findMetallb, openMetallb } from "#test/cluster/metallb";
import type { ServerProgram } from "#test/cluster/server-program";
import { createService } from "#test/cluster/services";
import { cpuSeconds, peakMb, rssMb } from "./process-figures.ts";

/** One way of creating Services. */
export type Wave = {
  readonly name: string;
  readonly count: number;
  readonly waitsMs: readonly number[];
  /** The same from the API server's answer to the POST; 0 where the watch was quicker. */
  readonly afterAnswerMs: readonly number[];
  /** From the first POST to the last address, and to the last answer of a POST. Milliseconds. */
  readonly allMs: number;
  readonly createdMs: number;
  /** From the first POST to the last. */
  readonly lastSentMs: number;
  readonly cpu: Cpu;
};

/** Processor time in seconds. */
export type Cpu = { readonly controller: number; readonly apiServer: number };

export type Rest = {
  readonly seconds: number;
  /** Besides those to the Lease. */
  readonly writes: number;
  readonly leaseUpdates: number;
  readonly cpu: Cpu;
};

/** One program in a control plane of its own, with the same Services. */
export type Compared = {
  readonly program: string;
  readonly waves: readonly Wave[];
  readonly rssMb: number;
};

export type Allocated = {
  /** Ours, and MetalLB's controller where it could be built. */
  readonly compared: readonly Compared[];
  readonly waves: readonly Wave[];
  /** Requests of the controller by verb and kind, for all waves. */
  readonly requests: Readonly<Record<string, number>>;
  /**
   * Megabytes (2^20) of resident set size, as for a process that is alone on its machine: before the first Service, with all
   * of them, and the most it ever was.
   */
  readonly rssMb: { readonly before: number; readonly after: number; readonly peak: number };
  readonly services: number;
  readonly rest: Rest;
  readonly restart: { readonly readyMs: number; readonly writes: number; readonly rssMb: number };
};

const POOL = `apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: { name: bench, namespace: steelyard-system }
spec: { addresses: ["10.0.0.0/8"] }
`;

/** Requests that are under way at once while Services are created as fast as the API server takes them. */
const PARALLEL = 16;
const PATIENCE_MS = 300_000;
/** Services a second beside all the others: what the API server takes then, and more than it does. */
const LATE_RATES = [20, 50] as const;
const RECOVERY_MS = 30_000;

type Watched = { readonly addressAt: Map<string, number>; readonly close: () => void };

/** When each Service was first seen with an address. */
const watchAddresses = async ({ admin }: ControlPlane): Promise<Watched> => {
  const addressAt = new Map<string, number>();
  const watch = await admin.watch("/api/v1/services?watch=true", ({ object }) => {
    const { status } = object as { status?: { loadBalancer?: { ingress?: readonly unknown[] } } };
    const { name } = object.metadata;
    if ((status?.loadBalancer?.ingress ?? []).length > 0 && !addressAt.has(name))
      addressAt.set(name, performance.now());
  });
  return { addressAt, close: () => watch.close() };
};

type Bed = {
  readonly plane: ControlPlane;
  readonly controller: Pick<ServerProgram, "pid">;
  readonly watched: Watched;
};

const cpuOf = ({ plane, controller }: Bed): Cpu => ({
  controller: cpuSeconds(controller.pid()),
  apiServer: cpuSeconds(plane.apiServer.pid()),
});

const since = (before: Cpu, now: Cpu): Cpu => ({
  controller: now.controller - before.controller,
  apiServer: now.apiServer - before.apiServer,
});

/** Creates Services named after `prefix`; `perSecond` of them, or as many as the API server takes. */
const createWave = async (
  bed: Bed,
  {
    name,
    prefix,
    count,
    perSecond,
  }: { name: string; prefix: string; count: number; perSecond: number | undefined },
): Promise<Wave> => {
  const { plane, watched } = bed;
  const before = cpuOf(bed);
  const sentAt = new Map<string, number>();
  const answeredAt = new Map<string, number>();
  const began = performance.now();
  let next = 0;
  const create = async (): Promise<void> => {
    const service = `${prefix}-${next}`;
    next += 1;
    sentAt.set(service, performance.now());
    await createService(plane.admin, { name: service });
    answeredAt.set(service, performance.now());
  };
  if (perSecond === undefined) {
    const worker = async (): Promise<void> => {
      while (next < count) await create();
    };
    await Promise.all(Array.from({ length: PARALLEL }, worker));
  } else {
    const under: Promise<void>[] = [];
    while (next < count) {
      under.push(create());
      await pause(Math.max(0, began + (next * 1_000) / perSecond - performance.now()));
    }
    await Promise.all(under);
  }
  const createdMs = performance.now() - began;
  const limit = performance.now() + PATIENCE_MS;
  const names = [...sentAt.keys()];
  while (names.some((each) => !watched.addressAt.has(each))) {
    if (performance.now() > limit) throw new Error(`${name}: not every Service has an address`);
    await pause(20);
  }
  const waitsFrom = (starts: ReadonlyMap<string, number>): readonly number[] =>
    names.map((each) => Math.max(0, (watched.addressAt.get(each) ?? 0) - (starts.get(each) ?? 0)));
  const last = Math.max(...names.map((each) => watched.addressAt.get(each) ?? 0));
  return {
    ...{ name, count, createdMs, allMs: last - began, cpu: since(before, cpuOf(bed)) },
    lastSentMs: Math.max(...sentAt.values()) - began,
    ...{ waitsMs: waitsFrom(sentAt), afterAnswerMs: waitsFrom(answeredAt) },
  };
};

const CONTROLLER_USER = "system:serviceaccount:steelyard-system:steelyard-controller";
const WRITES: ReadonlySet<string> = new Set(["create", "update", "patch", "delete"]);

const requestsOf = (plane: ControlPlane): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {};
  for (const { user, verb, resource } of plane.audit()) {
    if (user !== CONTROLLER_USER) continue;
    const key = `${verb} ${resource}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
};

/** Writes other than the renewal of the Lease. */
const writesOf = (requests: Readonly<Record<string, number>>): number =>
  Object.entries(requests).reduce((sum, [key, count]) => {
    const [verb = "", resource] = key.split(" ");
    return WRITES.has(verb) && resource !== "leases" ? sum + count : sum;
  }, 0);

const measureRest = async (bed: Bed, seconds: number): Promise<Rest> => {
  await pause(5_000);
  const first = requestsOf(bed.plane);
  const before = cpuOf(bed);
  await pause(seconds * 1_000);
  const cpu = since(before, cpuOf(bed));
  const last = requestsOf(bed.plane);
  return {
    ...{ seconds, cpu, writes: writesOf(last) - writesOf(first) },
    leaseUpdates: (last["update leases"] ?? 0) - (first["update leases"] ?? 0),
  };
};

const measureRestart = async (plane: ControlPlane, controller: Controller): Promise<Allocated["restart"]> => {
  await controller.stop();
  const writes = writesOf(requestsOf(plane));
  const began = performance.now();
  await controller.start();
  await leaderOf([controller]);
  while (!(await controller.status()).isSynced) await pause(10);
  const readyMs = performance.now() - began;
  await pause(10_000);
  return { readyMs, writes: writesOf(requestsOf(plane)) - writes, rssMb: rssMb(controller.pid()) };
};

/** Ours, ready to give addresses. */
const openOurs = async (plane: ControlPlane): Promise<Controller> => {
  const access = await install(plane);
  await plane.apply(POOL);
  const controller = await openController(plane, { access });
  await controller.start();
  await leaderOf([controller]);
  return controller;
};

/** MetalLB's, with its own kinds as our files define them. */
const openTheirs = async (plane: ControlPlane): Promise<ServerProgram> => {
  await install(plane);
  await plane.apply(POOL);
  const controller = await openMetallb(plane, { logLevel: "warn" });
  await controller.start();
  return controller;
};

/** What MetalLB's controller needs to have read everything and to be at rest. */
const SETTLING_MS = 5_000;

const compareOne = async (
  name: string,
  open: (plane: ControlPlane) => Promise<ServerProgram>,
  count: number,
): Promise<Compared> => {
  const plane = await startControlPlane();
  let controller: ServerProgram | undefined;
  try {
    controller = await open(plane);
    await pause(SETTLING_MS);
    const bed = { plane, controller, watched: await watchAddresses(plane) };
    const steady = await createWave(bed, {
      name: "50 a second",
      prefix: "steady",
      count: count / 2,
      perSecond: 50,
    });
    const burst = await createWave(bed, { name: "at once", prefix: "burst", count, perSecond: undefined });
    await pause(SETTLING_MS);
    bed.watched.close();
    return { program: name, waves: [steady, burst], rssMb: rssMb(controller.pid()) };
  } finally {
    await controller?.stop("SIGKILL");
    await plane.close();
  }
};

const compare = async (count: number, say: (line: string) => void): Promise<readonly Compared[]> => {
  say(`allocate: ${count} Services, steelyard`);
  const ours = await compareOne("steelyard", openOurs, count);
  try {
    findMetallb();
  } catch {
    say("allocate: MetalLB could not be built here, so it is left out");
    return [ours];
  }
  say(`allocate: ${count} Services, MetalLB`);
  return [ours, await compareOne("MetalLB v0.16.1", openTheirs, count)];
};

/**
 * Everything in one control plane: a wave at a steady rate, one of as many as possible, two steady ones beside all that are
 * there by then, rest, and a restart.
 */
export const measureAllocate = async (options: {
  readonly atOnce: number;
  readonly steady: number;
  readonly restSeconds: number;
  /** Services with which ours and MetalLB's are compared. */
  readonly compared: number;
  readonly say: (line: string) => void;
}): Promise<Allocated> => {
  const { atOnce, steady, restSeconds, say } = options;
  const compared = await compare(options.compared, say);
  const plane = await startControlPlane();
  let controller: Controller | undefined;
  try {
    controller = await openOurs(plane);
    const bed = { plane, controller, watched: await watchAddresses(plane) };
    const before = rssMb(controller.pid());
    say(`allocate: ${steady} Services, 50 a second`);
    const slow = await createWave(bed, {
      name: "50 a second",
      prefix: "steady",
      count: steady,
      perSecond: 50,
    });
    say(`allocate: ${atOnce} Services at once`);
    const fast = await createWave(bed, {
      name: "at once",
      prefix: "burst",
      count: atOnce,
      perSecond: undefined,
    });
    const beside: Wave[] = [];
    for (const perSecond of LATE_RATES) {
      // What an API server still has to do after thousands of Services is none of this.
      await pause(RECOVERY_MS);
      const name = `${perSecond} a second beside ${steady + atOnce}`;
      say(`allocate: ${name}`);
      const count = steady / LATE_RATES.length;
      beside.push(await createWave(bed, { name, prefix: `late-${perSecond}`, count, perSecond }));
    }
    await pause(10_000);
    const [after, peak] = [rssMb(controller.pid()), peakMb(controller.pid())];
    const requests = requestsOf(plane);
    say(`allocate: ${restSeconds} s of rest`);
    const rest = await measureRest(bed, restSeconds);
    say("allocate: a restart");
    const restart = await measureRestart(plane, controller);
    bed.watched.close();
    return {
      ...{ compared, waves: [slow, fast, ...beside], requests, rest, restart },
      ...{ rssMb: { before, after, peak }, services: 2 * steady + atOnce },
    };
  } catch (error) {
    say(plane.lastWords());
    say(controller?.lastWords(30) ?? "");
    throw error;
  } finally {
    await controller?.stop("SIGKILL");
    await plane.close();
  }
};
