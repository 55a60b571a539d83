/**
 * Starts the agent of a speaker, and ends it.
 *
 * It holds nothing that matters to traffic. When it dies the wire process goes on and starts another, which reads the cluster anew
 * and tells the wire everything again.
 */
import { fstatSync } from "node:fs";
import { Socket } from "node:net";
import { dirname } from "node:path";
import { type Duration, seconds } from "#base/time";
import { VERSION } from "#base/version";
import type { SpeakerEvent } from "#core/speaker/event";
import { speakerSentence } from "#core/speaker/sentence";
import { makeDirectory } from "#drivers/files/directory";
import { expectWork, giveBack, growModerately, growSlowly } from "#drivers/host/memory";
import type { AdminServer } from "#drivers/http/server";
import { openServers } from "#drivers/http/servers";
import { type Channel, openChannel } from "#drivers/ipc/channel";
import { openCluster } from "#drivers/kubernetes/cluster";
import { credentialWarnings } from "#drivers/kubernetes/credentials";
import { findCredentials } from "#drivers/kubernetes/in-cluster";
import type { ClusterPort } from "#drivers/kubernetes/port";
import { type Cancel, pause, systemTime } from "#drivers/kubernetes/time";
import { openLog } from "#drivers/log/linux";
import { createBursts } from "#runtime/cluster/bursts";
import { createObservationLog } from "#runtime/cluster/observation-log";
import { adminRoutes, publicRoutes } from "#runtime/cluster/pages";
import type { AgentToWire, WireToAgent } from "../messages.ts";
import { EXIT, type SpeakerOptions } from "../options.ts";
import { SpeakerAgent } from "./agent.ts";

/** The file descriptor on which the wire process started us. */
const WIRE_FD = 3;
/** Until credentials are looked for again. */
const AGAIN: Duration = seconds(5);
/** How long what must be written at the end is waited for. */
const FAREWELL: Duration = seconds(4);

const complain = (message: string): void => void process.stderr.write(`steelyard speaker: ${message}\n`);

/** What a burst of work has left is given back, and the heap grows by little until the next one. */
const beThrifty = (): void => {
  growSlowly();
  giveBack();
};

class AgentProcess {
  readonly #options: SpeakerOptions;
  readonly #end: (status: number) => void;
  readonly #channel: Channel<AgentToWire>;
  readonly #log;
  readonly #bursts = createBursts(systemTime, beThrifty, expectWork);
  #agent: SpeakerAgent | undefined;
  #servers: AdminServer | undefined;
  #cluster: ClusterPort | undefined;
  #cancel: Cancel | undefined;
  #isEnding = false;

  constructor(options: SpeakerOptions, end: (status: number) => void) {
    this.#options = options;
    this.#end = end;
    const { logFormat: format, logLevel: level } = options;
    this.#log = createObservationLog<SpeakerEvent>({
      ...{ log: openLog({ format, level }), withFields: format === "json", sentence: speakerSentence },
    });
    this.#channel = openChannel<WireToAgent, AgentToWire>(new Socket({ fd: WIRE_FD }), {
      onMessage: (message) => this.#hear(message),
      onDrain: () => this.#agent?.drained(),
      // Without the wire process there is nothing to tell and nobody to tell it to.
      onClose: () => end(EXIT.ok),
    });
    // What it took to start is given back also where there is no API server to read from.
    this.#bursts.note();
    this.#channel.send({ type: "hello", pid: process.pid, version: VERSION });
  }

  #hear(message: WireToAgent): void {
    if (message.type === "stop") void this.#stop();
    else if (this.#agent !== undefined) this.#agent.hear(message);
    else if (message.type === "snapshot") {
      const agent = new SpeakerAgent(
        {
          ...{ wire: this.#channel, clock: systemTime, log: this.#log, options: this.#options },
          process: { pid: process.pid, startedAt: systemTime.wall() },
        },
        message,
      );
      this.#agent = agent;
      void this.#begin(agent);
    }
  }

  /** Opens the admin socket before the cluster is asked for anything, so that of two programs the second changes nothing. */
  async #begin(agent: SpeakerAgent): Promise<void> {
    const servers = await this.#openPages(agent);
    if ("message" in servers) {
      complain(servers.message);
      this.#end(EXIT.environment);
      return;
    }
    this.#servers = servers;
    this.#findCluster(agent);
  }

  async #openPages(agent: SpeakerAgent) {
    const { admin: path, listen } = this.#options;
    const unmade = makeDirectory(dirname(path));
    if (unmade !== undefined) return { message: `admin socket ${path}: ${unmade}` };
    const sources = {
      recent: agent.recent,
      sentence: speakerSentence,
      isReady: () => agent.isReady,
      metrics: () => agent.metrics(),
      status: () => agent.status(),
      explain: (key: string) => agent.explain(key),
      explainAddress: (address: string) => agent.explainAddress(address),
      ignorance: () => agent.ignorance,
    };
    return openServers(
      { path, routes: adminRoutes(sources) },
      listen === undefined ? undefined : { address: listen, routes: publicRoutes(sources) },
    );
  }

  /** A pod may start before its token is there, and a kubeconfig may be mended. */
  #findCluster(agent: SpeakerAgent): void {
    if (this.#isEnding) return;
    const credentials = findCredentials({ kubeconfig: this.#options.kubeconfig });
    if (!credentials.ok) {
      agent.findNoCluster(credentials.problem);
      this.#cancel = systemTime.later(AGAIN, () => this.#findCluster(agent));
      return;
    }
    for (const warning of credentialWarnings(credentials.value)) complain(warning);
    this.#cluster = openCluster(credentials.value, { onRead: this.#bursts.note });
    agent.follow(this.#cluster);
  }

  async #stop(): Promise<void> {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#cancel?.();
    const isOver = new AbortController();
    await Promise.race([this.#agent?.close(), pause(systemTime, FAREWELL, isOver.signal)]);
    isOver.abort();
    await this.#servers?.close();
    this.#cluster?.close();
    this.#bursts.close();
    this.#log.close();
    this.#end(EXIT.ok);
  }
}

const isStartedByWire = (): boolean => {
  try {
    return fstatSync(WIRE_FD).isSocket();
  } catch {
    return false;
  }
};

/** Runs until the wire process ends or asks for it; gives the exit status. */
export const runSpeakerAgent = async (options: SpeakerOptions): Promise<number> => {
  if (!isStartedByWire()) {
    complain("its agent is part of `steelyard speaker`, which starts it: run that instead");
    return EXIT.usage;
  }
  // A log on a full disk takes nothing, which is no reason to end.
  process.stderr.on("error", () => undefined);
  // The wire process decides when the program ends; a terminal's Ctrl-C and a service manager's signal reach both.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR2"]) process.on(signal, () => {});
  growModerately();
  const status = await new Promise<number>((resolve) => new AgentProcess(options, resolve));
  // Watches and streams would keep the process alive.
  setImmediate(() => process.exit(status));
  return status;
};
