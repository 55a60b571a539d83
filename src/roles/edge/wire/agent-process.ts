/**
 * The agent as the wire process sees it: started, watched, started again when it dies, told of every observation.
 *
 * Observations are pumped from the journal at the agent's pace. An agent that stalls costs nothing but the journal it
 * has yet to read; when it comes back it gets what it missed, or a fresh snapshot.
 */
import type { ChildProcess } from "node:child_process";
import { Socket } from "node:net";
import type { VirtualServer } from "#core/balance/model";
import type { Desired } from "#core/config/desired";
import type { Observation } from "#core/observation/event";
import { type Channel, openChannel } from "#drivers/ipc/channel";
import type { Journal } from "#runtime/journal";
import type { AgentToWire, WireFacts, WireToAgent } from "../messages.ts";
import { spawnAgent } from "./agent-child.ts";

/** First pause before a dead agent is started again, doubled up to the longest. Milliseconds. */
const RESTART = { first: 100, longest: 5_000, forgetAfter: 60_000 } as const;
/** Observations of the past that a new agent is given. */
const RECENT = 1_000;
/** How long an agent may take to end when it is asked to, in milliseconds. */
const STOP_LIMIT = 2_000;

/** How an agent ended; `pid` is 0 when it could not be started. */
export type AgentExit = {
  readonly code: number | null;
  readonly signal: string | null;
  readonly pid: number;
  /** Why it was ended by us, although nobody asked. */
  readonly stranger?: string;
};

export type AgentProcess = {
  /** A new observation is in the journal. */
  pump(): void;
  /** Packets dropped and not sent, all of them so far; a later call replaces what could not be told yet. */
  tellCounts(counts: Counts): void;
  /** Sends what an agent that stalls may be given late: rare and small. */
  send(message: Exclude<WireToAgent, { type: "snapshot" | "observation" | "counts" }>): void;
  /** Asks the agent to end; resolves when it has, or after two seconds by force. */
  stop(): Promise<void>;
};

type Counts = Readonly<Record<string, number>>;

/** What the wire says of itself to its agents. */
export type AgentOptions = {
  readonly journal: Journal;
  readonly facts: WireFacts;
  /** The configuration in force, for the agent's status; `undefined` before the first. */
  readonly desired: () => Desired | undefined;
  /** A configuration comes in one piece. */
  readonly onMessage: (message: AgentToWire) => void;
  readonly onExit: (exit: AgentExit) => "restart" | "leave";
};

type Options = AgentOptions & {
  readonly command: readonly string[];
  /** One that runs already and has not been listened to yet. */
  readonly first?: ChildProcess;
};

class SupervisedAgent implements AgentProcess {
  readonly #options: Options;
  #first: ChildProcess | undefined;
  #child: ChildProcess | undefined;
  #channel: Channel<WireToAgent> | undefined;
  /** Whether this agent has said its first word; observations sent before it would be out of order. */
  #greeted = false;
  /** Set when it is of another version: the program was replaced while we run. */
  #stranger: string | undefined;
  /** Sequence of the last observation that was sent, to whichever agent. */
  #sent = 0;
  /** Those of a configuration that is on its way. */
  readonly #servers: VirtualServer[] = [];
  #counts: Counts = {};
  #countsTold = true;
  #stopping = false;
  #pause: number = RESTART.first;
  #startedAt = 0;
  #onGone = (): void => {};

  constructor(options: Options) {
    this.#options = options;
    this.#first = options.first;
    this.#start();
  }

  pump(): void {
    if (!this.#greeted || this.#channel?.writable() !== true) return;
    const { journal } = this.#options;
    if (!this.#countsTold) this.#tellCounts(this.#channel);
    if (this.#sent === journal.view.sequence) return;
    const missed: readonly Observation[] = journal.after(this.#sent);
    if (missed[0]?.sequence !== this.#sent + 1) {
      this.#snapshot(this.#channel);
      return;
    }
    for (const observation of missed) {
      this.#sent = observation.sequence;
      if (!this.#channel.send({ type: "observation", observation })) return;
    }
  }

  tellCounts(counts: Counts): void {
    this.#counts = counts;
    this.#countsTold = false;
    this.pump();
  }

  send(message: Parameters<AgentProcess["send"]>[0]): void {
    this.#channel?.send(message);
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#stopping = true;
      if (this.#child === undefined) return resolve();
      const force = setTimeout(() => this.#child?.kill("SIGKILL"), STOP_LIMIT);
      this.#onGone = () => {
        clearTimeout(force);
        resolve();
      };
      this.#channel?.send({ type: "stop" });
    });
  }

  #tellCounts(channel: Channel<WireToAgent>): void {
    this.#countsTold = true;
    channel.send({ type: "counts", counts: this.#counts });
  }

  #snapshot(channel: Channel<WireToAgent>): void {
    const { journal, facts } = this.#options;
    const desired = this.#options.desired();
    const told = this.#sent;
    this.#sent = journal.view.sequence;
    channel.send({
      type: "snapshot",
      view: journal.view,
      recent: journal.after(Math.max(0, this.#sent - RECENT)),
      told,
      wire: facts,
      ...(desired === undefined ? {} : { desired }),
    });
    this.#tellCounts(channel);
  }

  readonly #start = (): void => {
    if (this.#stopping) return;
    this.#startedAt = Date.now();
    const child = this.#first ?? spawnAgent(this.#options.command);
    this.#first = undefined;
    this.#child = child;
    child.on("error", () => {
      // Else it is about a signal that could not be sent, and the child lives.
      if (child.pid === undefined) this.#gone({ code: null, signal: null, pid: 0 });
    });
    child.once("exit", (code, signal) => this.#gone({ code, signal, pid: child.pid ?? 0 }));
    const socket = child.stdio[3];
    if (!(socket instanceof Socket)) return;
    const channel = openChannel<AgentToWire, WireToAgent>(socket, {
      onMessage: (message) => this.#hear(channel, message),
      onDrain: () => this.pump(),
      // It holds nothing that a signal to end in peace would save, and one that is stopped would not hear it.
      onClose: () => child.kill("SIGKILL"),
    });
    this.#channel = channel;
  };

  #hear(channel: Channel<WireToAgent>, message: AgentToWire): void {
    if (this.#stranger !== undefined) return;
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
    if (message.type !== "hello") {
      this.#options.onMessage(message);
      return;
    }
    const { version } = this.#options.facts;
    if (message.version !== version) {
      this.#stranger = `it is version ${message.version}, and what runs is ${version}`;
      this.#child?.kill("SIGKILL");
      return;
    }
    this.#greeted = true;
    this.#snapshot(channel);
  }

  #gone(ended: AgentExit): void {
    const exit = this.#stranger === undefined ? ended : { ...ended, stranger: this.#stranger };
    this.#stranger = undefined;
    this.#child = undefined;
    this.#channel = undefined;
    this.#greeted = false;
    this.#servers.length = 0;
    this.#onGone();
    if (this.#stopping || this.#options.onExit(exit) === "leave") return;
    if (Date.now() - this.#startedAt > RESTART.forgetAfter) this.#pause = RESTART.first;
    setTimeout(this.#start, this.#pause);
    this.#pause = Math.min(this.#pause * 2, RESTART.longest);
  }
}

/** Starts the agent and keeps it running until `stop`. */
export const startAgent = (options: Options): AgentProcess => new SupervisedAgent(options);
