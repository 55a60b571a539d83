/** One server of the control plane as a child process: how it starts, stands still, and ends. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

const READY_POLL_MS = 20;
/** An API server that waits for its watchers gets no longer than this to end. */
const END_WITHIN_MS = 20_000;

export type ServerOptions = {
  readonly name: string;
  readonly command: readonly string[];
  /** On top of our own environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** File that what it says is appended to. */
  readonly log: string;
  readonly isReady: () => Promise<boolean>;
  readonly readyWithinMs: number;
};

/** SIGUSR2 tells ours to leave everything as it is, for a next run. */
export type StopSignal = "SIGTERM" | "SIGKILL" | "SIGUSR2";

export type ServerProgram = {
  /** `undefined` while it does not run. */
  pid(): number | undefined;
  /** Starts it and waits until it is ready. */
  start(): Promise<void>;
  /** Ends it and waits until it is gone; does nothing when it does not run. */
  stop(signal?: StopSignal): Promise<void>;
  /** Takes the processor away from it; its connections stay open, and nobody answers. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** The last lines that it said. */
  lastWords(lines: number): string;
};

/** Makes a server of its description; it does not run yet. */
export type OpenServer = (options: ServerOptions) => ServerProgram;

/** The last lines of a log file; none when it is not there yet. */
export const lastLines = (file: string, lines: number): string => {
  try {
    return readFileSync(file, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
  } catch {
    return "";
  }
};

const ended = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

/** The kernel ends the server with the test that started it, however that ends: setpriv(1) asks for it. */
const spawnServer = (options: ServerOptions): ChildProcess => {
  const log = openSync(options.log, "a");
  try {
    return spawn("setpriv", ["--pdeathsig", "KILL", ...options.command], {
      stdio: ["ignore", log, log],
      env: { ...process.env, ...options.environment },
    });
  } finally {
    closeSync(log);
  }
};

/** A server as a child of this process. */
export const openServer: OpenServer = (options) => {
  let child: ChildProcess | undefined;

  const running = (): ChildProcess | undefined => (child === undefined || ended(child) ? undefined : child);

  const lastWords = (lines: number): string => lastLines(options.log, lines);

  const stop = async (signal: StopSignal = "SIGTERM"): Promise<void> => {
    const current = running();
    if (current === undefined) return;
    const gone = new Promise((resolve) => current.once("exit", resolve));
    current.kill(signal);
    current.kill("SIGCONT"); // What stands still does not end.
    const patience = setTimeout(() => current.kill("SIGKILL"), END_WITHIN_MS);
    await gone;
    clearTimeout(patience);
  };

  const start = async (): Promise<void> => {
    if (running() !== undefined) throw new Error(`${options.name} runs already`);
    const current = spawnServer(options);
    child = current;
    let failure: Error | undefined;
    current.once("error", (error) => {
      failure = error;
    });
    const limit = performance.now() + options.readyWithinMs;
    while (!(await options.isReady())) {
      if (failure !== undefined || ended(current))
        throw new Error(`${options.name} ended at its start: ${failure?.message ?? ""}\n${lastWords(30)}`);
      if (performance.now() > limit) {
        await stop("SIGKILL");
        throw new Error(`${options.name} is not ready after ${options.readyWithinMs} ms\n${lastWords(30)}`);
      }
      await pause(READY_POLL_MS);
    }
  };

  return {
    pid: () => running()?.pid,
    start,
    stop,
    freeze: async () => void running()?.kill("SIGSTOP"),
    thaw: async () => void running()?.kill("SIGCONT"),
    lastWords,
  };
};
