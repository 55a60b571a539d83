/** One server in a host of the lab: how it starts, stands still, and ends. */
import { setTimeout as pause } from "node:timers/promises";
import type { LabHostHandle, LabProcess } from "#lab/index";
import { lastLines, type ServerOptions, type ServerProgram, type StopSignal } from "../server-program.ts";

const READY_POLL_MS = 50;
/** From one question whether it is ready to the next, as many times as long as the answer took, up to a second: what it says may be long. */
const READY_POLL_SHARE = 2;
const LONGEST_POLL_MS = 1_000;
/** An API server that waits for its watchers gets no longer than this to end. */
const END_WITHIN_MS = 20_000;

/** Makes a server in this host of its description; it does not run yet. Its `pid` is its number inside of the lab. */
export const openLabServer = (host: LabHostHandle, options: ServerOptions): ServerProgram => {
  let current: LabProcess | undefined;
  const lastWords = (lines: number): string => lastLines(options.log, lines);

  const launch = async (): Promise<LabProcess> => {
    const { command, environment: env = {}, log } = options;
    const started = await host.spawn(command, { env, log });
    current = started;
    void started.exited.then(() => {
      if (current === started) current = undefined;
    });
    return started;
  };
  const stop = async (signal: StopSignal = "SIGTERM"): Promise<void> => {
    const running = current;
    if (running === undefined) return;
    await running.signal(signal);
    await running.signal("SIGCONT"); // What stands still does not end.
    const patience = setTimeout(() => void running.signal("SIGKILL").catch(() => {}), END_WITHIN_MS);
    await running.exited.finally(() => clearTimeout(patience));
  };
  const start = async (): Promise<void> => {
    if (current !== undefined) throw new Error(`${options.name} runs already`);
    const started = await launch();
    const limit = performance.now() + options.readyWithinMs;
    for (;;) {
      const asked = performance.now();
      if (await options.isReady()) return;
      if (current !== started) throw new Error(`${options.name} ended at its start\n${lastWords(30)}`);
      if (performance.now() > limit) {
        await stop("SIGKILL");
        throw new Error(`${options.name} is not ready after ${options.readyWithinMs} ms\n${lastWords(30)}`);
      }
      const took = performance.now() - asked;
      await pause(Math.min(Math.max(READY_POLL_MS, READY_POLL_SHARE * took), LONGEST_POLL_MS));
    }
  };
  return {
    pid: () => current?.pid,
    start,
    stop,
    freeze: async () => await current?.signal("SIGSTOP"),
    thaw: async () => await current?.signal("SIGCONT"),
    lastWords,
  };
};
