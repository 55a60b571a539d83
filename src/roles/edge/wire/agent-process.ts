/** The agent as the wire process sees it: told of every observation at its pace, and listened to. */
import type { ChildProcess } from "node:child_process";
import type { VirtualServer } from "#core/balance/model";
import type { Desired } from "#core/config/desired";
import type { Event, Observation } from "#core/observation/event";
import type { View } from "#core/observation/view";
import type { BgpFacts } from "#core/speaker/bgp-facts";
import { Child, type ChildExit } from "#drivers/ipc/child";
import { Pump } from "#drivers/ipc/pump";
import type { Journal } from "#runtime/journal";
import type { AgentToWire, WireFacts, WireToAgent } from "../messages.ts";

/** How long an agent may take to end when it is asked to, in milliseconds. */
const STOP_LIMIT = 2_000;

export type AgentProcess = {
  /** A new observation is in the journal. */
  pump(): void;
  /** Packets dropped and not sent, all of them so far; a later call replaces what could not be told yet. */
  tellCounts(counts: Counts): void;
  /** BGP peers are otherwise than they were. */
  tellBgp(): void;
  /** Sends what an agent that stalls may be given late: rare and small. */
  send(message: Exclude<WireToAgent, { type: "snapshot" | "observation" | "counts" | "bgp" }>): void;
  /** Asks the agent to end; resolves when it has, or after two seconds by force. */
  stop(): Promise<void>;
};

type Counts = Readonly<Record<string, number>>;

/** What the wire says of itself to its agents. */
export type AgentOptions = {
  readonly journal: Journal<Event, View>;
  readonly facts: WireFacts;
  /** The configuration in force, for the agent's status; `undefined` before the first. */
  readonly desired: () => Desired | undefined;
  /** How each BGP peer is now. */
  readonly bgp: () => BgpFacts;
  /** A configuration comes in one piece. */
  readonly onMessage: (message: AgentToWire) => void;
  readonly onExit: (exit: ChildExit) => "restart" | "leave";
};

type Options = AgentOptions & {
  readonly command: readonly string[];
  /** One that runs already and has not been listened to yet. */
  readonly first?: ChildProcess;
};

class SupervisedAgent implements AgentProcess {
  readonly #options: Options;
  readonly #child: Child<AgentToWire, WireToAgent>;
  readonly #pump: Pump<Observation>;
  /** Those of a configuration that is on its way. */
  readonly #servers: VirtualServer[] = [];
  #counts: Counts = {};
  #countsTold = true;
  #bgpTold = true;

  constructor(options: Options) {
    this.#options = options;
    this.#pump = new Pump({
      journal: options.journal,
      sendSnapshot: (recent, told) => this.#sendSnapshot(recent, told),
      sendObservation: (observation) => this.#child.send({ type: "observation", observation }),
    });
    this.#child = new Child<AgentToWire, WireToAgent>({
      ...{ command: options.command, version: options.facts.version },
      ...(options.first === undefined ? {} : { first: options.first }),
      stop: { message: { type: "stop" }, limit: STOP_LIMIT },
      versionIn: (message) => (message.type === "hello" ? message.version : undefined),
      onGreeted: () => this.#pump.begin(),
      onMessage: (message) => this.#hear(message),
      onDrain: () => this.pump(),
      onExit: (exit) => {
        this.#servers.length = 0;
        return options.onExit(exit);
      },
    });
  }

  pump(): void {
    if (!this.#child.isReady) return;
    if (!this.#countsTold) this.#sendCounts();
    if (!this.#bgpTold) this.#sendBgp();
    this.#pump.run();
  }

  tellCounts(counts: Counts): void {
    this.#counts = counts;
    this.#countsTold = false;
    this.pump();
  }

  tellBgp(): void {
    this.#bgpTold = false;
    this.pump();
  }

  send(message: Parameters<AgentProcess["send"]>[0]): void {
    this.#child.send(message);
  }

  stop(): Promise<void> {
    return this.#child.stop();
  }

  #sendCounts(): void {
    this.#countsTold = true;
    this.#child.send({ type: "counts", counts: this.#counts });
  }

  #sendBgp(): void {
    this.#bgpTold = true;
    this.#child.send({ type: "bgp", facts: this.#options.bgp() });
  }

  #sendSnapshot(recent: readonly Observation[], told: number): void {
    const { journal, facts } = this.#options;
    const desired = this.#options.desired();
    this.#child.send({
      ...{ type: "snapshot", view: journal.view, recent, told, wire: facts },
      ...(desired === undefined ? {} : { desired }),
    });
    this.#sendCounts();
    // A new agent knows of none.
    if (this.#options.bgp().length > 0) this.#sendBgp();
  }

  #hear(message: AgentToWire): void {
    if (message.type === "servers") {
      this.#servers.push(...message.servers);
      return;
    }
    if (message.type === "desired") {
      const { id, desired } = message;
      const servers = [...this.#servers.splice(0), ...desired.servers];
      this.#options.onMessage({ type: "desired", id, desired: { ...desired, servers } });
      return;
    }
    this.#options.onMessage(message);
  }
}

/** Starts the agent and keeps it running until `stop`. */
export const startAgent = (options: Options): AgentProcess => new SupervisedAgent(options);
