/**
 * The agent as the wire process sees it: started, watched, started again when it dies, told of every observation.
 *
 * Observations are pumped from the journal at the agent's pace. An agent that stalls costs nothing but the journal it
 * has yet to read; when it comes back it gets what it missed, or a fresh snapshot.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { Socket } from "node:net";
import type { Desired } from "#core/config/desired";
import type { Observation } from "#core/observation/event";
import { type Channel, openChannel } from "#drivers/ipc/channel";
import type { Journal } from "#runtime/journal";
import type { AgentToWire, WireFacts, WireToAgent } from "../messages.ts";

/** First pause before a dead agent is started again, doubled up to the longest. Milliseconds. */
const RESTART = { first: 100, longest: 5_000, forgetAfter: 60_000 } as const;
/** Observations of the past that a new agent is given. */
const RECENT = 1_000;

/** How an agent ended; `pid` is 0 when it could not be started. */
export type AgentExit = {
  readonly code: number | null;
  readonly signal: string | null;
  readonly pid: number;
};

export type AgentProcess = {
  /** A new observation is in the journal. */
  pump(): void;
  send(message: WireToAgent): void;
  /** Asks the agent to end; resolves when it has, or after two seconds by force. */
  stop(): Promise<void>;
};

type Options = {
  readonly command: readonly string[];
  readonly journal: Journal;
  readonly facts: WireFacts;
  /** The configuration in force, for the agent's status; `undefined` before the first. */
  readonly desired: () => Desired | undefined;
  readonly onMessage: (message: AgentToWire) => void;
  readonly onExit: (exit: AgentExit) => "restart" | "leave";
};

/** Starts the agent and keeps it running until `stop`. */
export const startAgent = (options: Options): AgentProcess => {
  const { journal } = options;
  let child: ChildProcess | undefined;
  let channel: Channel<WireToAgent> | undefined;
  let sent = 0;
  let stopping = false;
  let pause: number = RESTART.first;
  let startedAt = 0;
  let onGone = (): void => {};

  const snapshot = (): void => {
    sent = journal.view.sequence;
    const desired = options.desired();
    channel?.send({
      type: "snapshot",
      view: journal.view,
      recent: journal.after(Math.max(0, sent - RECENT)),
      wire: options.facts,
      ...(desired === undefined ? {} : { desired }),
    });
  };

  const pump = (): void => {
    if (channel === undefined || sent === journal.view.sequence || !channel.writable()) return;
    const missed: readonly Observation[] = journal.after(sent);
    if (missed[0]?.sequence !== sent + 1) {
      snapshot();
      return;
    }
    for (const observation of missed) {
      sent = observation.sequence;
      if (!channel.send({ type: "observation", observation })) return;
    }
  };

  const gone = (code: number | null, signal: string | null, pid: number): void => {
    child = undefined;
    channel = undefined;
    onGone();
    if (stopping) return;
    if (options.onExit({ code, signal, pid }) === "leave") return;
    if (Date.now() - startedAt > RESTART.forgetAfter) pause = RESTART.first;
    setTimeout(start, pause);
    pause = Math.min(pause * 2, RESTART.longest);
  };

  const start = (): void => {
    if (stopping) return;
    const [program = process.execPath, ...args] = options.command;
    startedAt = Date.now();
    const started = spawn(program, args, { stdio: ["ignore", "inherit", "inherit", "pipe"] });
    child = started;
    started.once("error", () => gone(null, null, 0));
    started.once("exit", (code, signal) => gone(code, signal, started.pid ?? 0));
    const socket = started.stdio[3];
    if (!(socket instanceof Socket)) return;
    channel = openChannel<AgentToWire, WireToAgent>(socket, {
      onMessage: (message) => (message.type === "hello" ? snapshot() : options.onMessage(message)),
      onDrain: pump,
      onClose: () => started.kill("SIGTERM"),
    });
  };

  start();
  return {
    pump,
    send: (message) => void channel?.send(message),
    stop: () =>
      new Promise((resolve) => {
        stopping = true;
        if (child === undefined) return resolve();
        const force = setTimeout(() => child?.kill("SIGKILL"), 2_000);
        onGone = () => {
          clearTimeout(force);
          resolve();
        };
        channel?.send({ type: "stop" });
      }),
  };
};
