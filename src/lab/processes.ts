/** Starts programs in hosts and tells whoever started them what they say and how they end. Runs in the holder. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Network } from "./network.ts";
import type { Exit, Message, StartOptions } from "./protocol.ts";

/** How long outputs may stay open and silent after a program's end, held by children it left behind. */
const OUTPUT_GRACE_MS = 100;

/** The programs that one connection has started, by the id of the request. */
export type Processes = {
  readonly start: (id: number, network: Network, options: StartOptions) => Promise<{ readonly pid: number }>;
  readonly input: (id: number, text: string, end: boolean) => void;
  /** Signals a program and all of its process group; does nothing when it has ended. */
  readonly signal: (id: number, signal: NodeJS.Signals) => void;
  /** Kills every program that is not lasting. */
  readonly leave: () => void;
};

const started = (child: ChildProcess): Promise<number> =>
  new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("spawn", () => resolve(child.pid ?? 0));
  });

/** Calls `report` once, when the program has ended and all it said has been read. */
const watchEnd = (child: ChildProcess, report: (exit: Exit) => void): void => {
  child.once("exit", (code, signal) => {
    let told = false;
    const tell = (): void => {
      if (told) return;
      told = true;
      report({ code, signal });
    };
    child.once("close", tell);
    const grace = setTimeout(tell, OUTPUT_GRACE_MS);
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", () => grace.refresh());
  });
};

/** The programs of one connection, whose news go to `send`. */
export const openProcesses = (send: (message: Message) => void): Processes => {
  const childById = new Map<number, ChildProcess>();
  const lasting = new Set<number>();

  const signal = (id: number, which: NodeJS.Signals): void => {
    const pid = childById.get(id)?.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, which);
    } catch {
      // It has ended and its news is on the way.
    }
  };

  return {
    start: async (id, network, options) => {
      const [command = "", ...args] = network.enter(options.host, options.argv, options.directory);
      if (options.log !== undefined) mkdirSync(dirname(options.log), { recursive: true });
      const log = options.log === undefined ? undefined : openSync(options.log, "a");
      const output = log ?? "pipe";
      const child = spawn(command, args, {
        stdio: [options.lasting === true ? "ignore" : "pipe", output, output],
        env: { ...process.env, ...options.env },
        detached: true,
      });
      childById.set(id, child);
      if (options.lasting === true) lasting.add(id);
      if (log !== undefined) closeSync(log);
      for (const stream of ["stdout", "stderr"] as const) {
        child[stream]?.setEncoding("utf8").on("data", (text: string) => {
          send({ type: "output", process: id, stream, text });
        });
      }
      child.stdin?.on("error", () => {}); // It may end without reading.
      watchEnd(child, (exit) => {
        childById.delete(id);
        send({ type: "exit", process: id, exit });
      });
      const pid = await started(child);
      // Only now may somebody kill everything in that host and expect this program to be among it.
      while (child.exitCode === null && child.signalCode === null && !network.isIn(options.host, pid))
        await pause(1);
      return { pid };
    },
    input: (id, text, end) => {
      const stdin = childById.get(id)?.stdin;
      stdin?.write(text);
      if (end) stdin?.end();
    },
    signal,
    leave: () => {
      for (const id of childById.keys()) if (!lasting.has(id)) signal(id, "SIGKILL");
    },
  };
};
