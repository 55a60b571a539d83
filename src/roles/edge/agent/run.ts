/**
 * The agent: reads the configuration, answers on the admin socket, writes the log.
 *
 * It holds nothing that matters to traffic. When it dies the wire process goes on and starts another, which learns
 * from the wire what is in force.
 */
import { fstatSync } from "node:fs";
import { Socket } from "node:net";
import { dirname } from "node:path";
import { VERSION } from "#base/version";
import type { Observation } from "#core/observation/event";
import { emptyView, project, type View } from "#core/observation/view";
import type { BgpFacts } from "#core/speaker/bgp-facts";
import { flagOf } from "#core/vip/flags";
import { makeDirectory } from "#drivers/files/directory";
import { openFiles } from "#drivers/files/linux";
import { formatProblem, type Loaded, loadConfiguration } from "#drivers/files/load";
import { createCollector } from "#drivers/host/memory";
import { type AdminError, type AdminServer, openAdminServer } from "#drivers/http/server";
import { type Channel, openChannel } from "#drivers/ipc/channel";
import { openNetlink } from "#drivers/netlink/linux";
import { createRecent, type Recent } from "#runtime/recent";
import type { AgentToWire, WireFacts, WireToAgent } from "../messages.ts";
import { complaint, type EdgeOptions, EXIT, parseOptions } from "../options.ts";
import { adminRoutes } from "./admin.ts";
import { type ObservationLog, openObservationLog } from "./log.ts";
import { createOwnAddresses } from "./own-addresses.ts";
import { createProposals, type Proposals } from "./proposals.ts";

type Snapshot = Extract<WireToAgent, { type: "snapshot" }>;

/** The file descriptor on which the wire process started us. */
const WIRE_FD = 3;

class Agent {
  readonly #options: EdgeOptions;
  readonly #files = openFiles();
  readonly #afterBurst = createCollector();
  readonly #ownAddresses = createOwnAddresses({ open: openNetlink, onChange: () => this.#reload() });
  readonly #events: Recent<Observation> = createRecent();
  readonly #log: ObservationLog;
  readonly #startedAt = Date.now();
  readonly #channel: Channel<AgentToWire>;
  readonly #end: (status: number) => void;
  readonly #proposals: Proposals;
  #view: View = emptyView();
  /** Whether the files may be proposed, and whether they changed before. */
  #begun = false;
  #changedEarly = false;
  #wire: WireFacts | undefined;
  #counts: Readonly<Record<string, number>> = {};
  #bgp: BgpFacts = [];
  #close: (() => Promise<void>) | undefined;

  constructor(options: EdgeOptions, end: (status: number) => void) {
    this.#options = options;
    this.#end = end;
    this.#log = openObservationLog(options);
    this.#channel = openChannel<WireToAgent, AgentToWire>(new Socket({ fd: WIRE_FD }), {
      onMessage: (message) => void this.#onMessage(message),
      // Without the wire process there is nothing to tell and nobody to tell it to.
      onClose: () => end(EXIT.ok),
    });
    this.#proposals = createProposals({
      load: () => this.#load(),
      send: (message) => void this.#channel.send(message),
      later: setImmediate,
      warn: (line) => void process.stderr.write(`${line}\n`),
    });
    this.#channel.send({ type: "hello", pid: process.pid, version: VERSION });
  }

  async #onMessage(message: WireToAgent): Promise<void> {
    switch (message.type) {
      case "snapshot":
        await this.#adopt(message);
        break;
      case "counts":
        this.#counts = message.counts;
        break;
      case "bgp":
        this.#bgp = message.facts;
        break;
      case "observation":
        this.#observe(message.observation);
        break;
      case "answer":
        this.#proposals.answered(message);
        break;
      case "reload":
        this.#reload();
        break;
      case "stop":
        await this.#close?.();
        this.#log.close();
        this.#end(EXIT.ok);
        break;
    }
  }

  async #adopt(snapshot: Snapshot): Promise<void> {
    const first = this.#wire === undefined;
    this.#view = snapshot.view;
    this.#wire = snapshot.wire;
    this.#proposals.adopt(snapshot.desired);
    for (const observation of this.#events.add(snapshot.recent)) {
      // The rest is in the log already, by this agent or the one before.
      if (observation.sequence > snapshot.told) this.#log.write(observation);
    }
    if (first) await this.#begin(snapshot.desired !== undefined);
  }

  /** Opens the admin socket before anything is asked of the wire, so that of two programs the second changes nothing. */
  async #begin(isRunning: boolean): Promise<void> {
    this.#files.watch(this.#options.config, () => this.#reload());
    const loaded = this.#load();
    if (!loaded.ok && !isRunning) {
      for (const problem of loaded.problems) process.stderr.write(`${formatProblem(problem)}\n`);
      this.#end(EXIT.usage);
      return;
    }
    const admin = await this.#openAdmin();
    if ("message" in admin) {
      process.stderr.write(complaint(this.#options, admin.message));
      this.#end(EXIT.environment);
      return;
    }
    this.#close = () => admin.close();
    this.#begun = true;
    if (this.#changedEarly) this.#reload();
    else this.#proposals.propose(loaded);
  }

  async #openAdmin(): Promise<AdminServer | AdminError> {
    const { admin: path } = this.#options;
    const unmade = makeDirectory(dirname(path));
    if (unmade !== undefined) return { message: `admin socket ${path}: ${unmade}` };
    return openAdminServer(
      path,
      adminRoutes(() => this.#knowledge(), this.#events),
    );
  }

  #reload(): void {
    if (!this.#begun) {
      this.#changedEarly = true;
      return;
    }
    this.#proposals.reload();
  }

  #load(): Loaded {
    const { config, endpoint, program } = this.#options;
    const flags = { source: `steelyard ${program}`, value: endpoint, nameOf: flagOf };
    const loaded = loadConfiguration(this.#files, config, {
      given: endpoint === undefined ? [] : [flags],
      host: (name) => this.#ownAddresses.of(name),
    });
    this.#afterBurst();
    return loaded;
  }

  #observe(observation: Observation): void {
    project(this.#view, observation);
    this.#events.add([observation]);
    this.#log.write(observation);
  }

  #knowledge() {
    const agent = { pid: process.pid, startedAt: this.#startedAt };
    return this.#wire === undefined
      ? undefined
      : {
          program: this.#options.program,
          view: this.#view,
          desired: this.#proposals.inForce,
          wire: this.#wire,
          agent,
          counts: this.#counts,
          bgp: this.#bgp,
        };
  }
}

const isStartedByWire = (): boolean => {
  try {
    return fstatSync(WIRE_FD).isSocket();
  } catch {
    return false;
  }
};

/** Runs until the wire process ends or asks for it; gives the exit status. `text` is what the wire process made of its options. */
export const runAgent = async (text: string | undefined): Promise<number> => {
  const options = parseOptions(text);
  if (options === undefined || !isStartedByWire()) {
    process.stderr.write(
      "steelyard edge-agent: part of `steelyard edge`, which starts it: run that instead\n",
    );
    return EXIT.usage;
  }
  // A log on a full disk takes nothing, which is no reason to end.
  process.stderr.on("error", () => undefined);
  // The wire process decides when the program ends; a terminal's Ctrl-C and a service manager's signal reach both.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR2"]) process.on(signal, () => {});
  const status = await new Promise<number>((resolve) => new Agent(options, resolve));
  // Watchers and streams would keep the process alive.
  setImmediate(() => process.exit(status));
  return status;
};
