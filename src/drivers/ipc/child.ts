/**
 * A second process of our program: started, listened to, started again when it dies.
 *
 * Its first word is its version. One of another version is not listened to: the program was replaced while we run, and what
 * it says may mean something else.
 */
import type { ChildProcess } from "node:child_process";
import { Socket } from "node:net";
import { type Channel, openChannel } from "./channel.ts";
import { spawnChild } from "./spawn.ts";

/** First pause before a dead child is started again, doubled up to the longest. Milliseconds. */
const RESTART = { first: 100, longest: 5_000, forgetAfter: 60_000 } as const;

/** How a child ended; `pid` is 0 when it could not be started. */
export type ChildExit = {
  readonly code: number | null;
  readonly signal: string | null;
  readonly pid: number;
  /** Why it was ended by us, although nobody asked. */
  readonly stranger?: string;
};

export type ChildOptions<In, Out> = {
  /** Program and arguments. */
  readonly command: readonly string[];
  /** One that runs already and has not been listened to yet. */
  readonly first?: ChildProcess;
  /** Ours, and that of the child. */
  readonly version: string;
  /** The version that a message greets with; `undefined` of any other message. */
  readonly versionIn: (message: In) => string | undefined;
  /** What asks it to end, and how long it may take, in milliseconds. */
  readonly stop: { readonly message: Out; readonly limit: number };
  /** A process has been started; it has yet to say its first word. */
  readonly onStart?: (pid: number) => void;
  /** It has said its first word, and may be told everything. */
  readonly onGreeted: () => void;
  /** Any message but the first word. */
  readonly onMessage: (message: In) => void;
  /** It reads again after it was behind. */
  readonly onDrain: () => void;
  readonly onExit: (exit: ChildExit) => "restart" | "leave";
};

export class Child<In, Out> {
  readonly #options: ChildOptions<In, Out>;
  #first: ChildProcess | undefined;
  #process: ChildProcess | undefined;
  #channel: Channel<Out> | undefined;
  #greeted = false;
  #stranger: string | undefined;
  #stopping = false;
  #pause: number = RESTART.first;
  #startedAt = 0;
  #onGone = (): void => {};

  /** Starts it and keeps it running until `stop`. */
  constructor(options: ChildOptions<In, Out>) {
    this.#options = options;
    this.#first = options.first;
    this.#start();
  }

  /** Whether it has greeted and reads what it is sent. */
  get isReady(): boolean {
    return this.#greeted && this.#channel?.writable() === true;
  }

  /** Queues a message; false means that it is behind, or not there. */
  send(message: Out): boolean {
    return this.#channel?.send(message) ?? false;
  }

  /** Asks it to end; resolves when it has, by force after a while. */
  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#stopping = true;
      if (this.#process === undefined) return resolve();
      const { message, limit } = this.#options.stop;
      const force = setTimeout(() => this.kill(), limit);
      this.#onGone = () => {
        clearTimeout(force);
        resolve();
      };
      this.#channel?.send(message);
    });
  }

  /** Ends it at once. */
  kill(): void {
    this.#process?.kill("SIGKILL");
  }

  readonly #start = (): void => {
    if (this.#stopping) return;
    this.#startedAt = Date.now();
    const child = this.#first ?? spawnChild(this.#options.command);
    this.#first = undefined;
    this.#process = child;
    child.on("error", () => {
      // Else it is about a signal that could not be sent, and the child lives.
      if (child.pid === undefined) this.#gone({ code: null, signal: null, pid: 0 });
    });
    child.once("exit", (code, signal) => this.#gone({ code, signal, pid: child.pid ?? 0 }));
    if (child.pid !== undefined) this.#options.onStart?.(child.pid);
    const socket = child.stdio[3];
    if (!(socket instanceof Socket)) return;
    this.#channel = openChannel<In, Out>(socket, {
      onMessage: (message) => this.#hear(message),
      onDrain: () => this.#options.onDrain(),
      // It holds nothing that a signal to end in peace would save, and one that is stopped would not hear it.
      onClose: () => child.kill("SIGKILL"),
    });
  };

  #hear(message: In): void {
    if (this.#stranger !== undefined) return;
    const theirs = this.#options.versionIn(message);
    if (theirs === undefined) {
      this.#options.onMessage(message);
      return;
    }
    const { version } = this.#options;
    if (theirs !== version) {
      this.#stranger = `it is version ${theirs}, and what runs is ${version}`;
      this.kill();
      return;
    }
    this.#greeted = true;
    this.#options.onGreeted();
  }

  #gone(ended: ChildExit): void {
    const exit = this.#stranger === undefined ? ended : { ...ended, stranger: this.#stranger };
    this.#stranger = undefined;
    this.#process = undefined;
    this.#channel = undefined;
    this.#greeted = false;
    this.#onGone();
    if (this.#stopping || this.#options.onExit(exit) === "leave") return;
    if (Date.now() - this.#startedAt > RESTART.forgetAfter) this.#pause = RESTART.first;
    setTimeout(this.#start, this.#pause);
    this.#pause = Math.min(this.#pause * 2, RESTART.longest);
  }
}
