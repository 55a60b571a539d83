/** The fast thread as the wire's main thread sees it, and the lease that vouches for this thread. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { after, type Instant, instant, seconds } from "#base/time";
import type { FastStart, FastToWire, WireToFast } from "../messages.ts";
import type { RealtimeWish } from "../options.ts";

/** How long the fast thread may go on after a sign of life of the main thread. */
const LEASE_LASTS = seconds(3);
/** How often there is one, in milliseconds. */
const LEASE_RENEWED = 250;
/** How long the fast thread may take to give something up. Milliseconds. */
const ANSWER_LIMIT = 5_000;

export type FastLink = {
  send(message: WireToFast): void;
  /** Its last sign of life; before the first, its start. */
  seenAt(): Instant;
  /** Lets routers go, each as soon as it has a successor; resolves when all are gone. */
  retire(routers: readonly string[]): Promise<void>;
  /** Ends and leaves everything in the kernel for the next run. */
  abandon(): Promise<void>;
  /** Orderly end: priority 0 is sent and addresses are removed before it resolves. */
  stop(): Promise<void>;
};

/** In a checkout the thread is a source file beside us, in a build one beside the bundle. */
const entry = (): URL => {
  const source = new URL("../fast/thread.ts", import.meta.url);
  return existsSync(fileURLToPath(source)) ? source : new URL("./fast-thread.js", import.meta.url);
};

/** Starts the fast thread. `onExit` is told when it ends without having been asked to: our own mistake. */
export const startFast = (options: {
  readonly realtime: RealtimeWish;
  readonly runtimeDirectory: string;
  readonly now: () => Instant;
  readonly onMessage: (message: FastToWire) => void;
  readonly onExit: (detail: string) => void;
}): FastLink => {
  const lease = new SharedArrayBuffer(8);
  const cell = new BigInt64Array(lease);
  const renew = (): void => {
    Atomics.store(cell, 0, BigInt(after(options.now(), LEASE_LASTS)));
  };
  renew();
  const renewal = setInterval(renew, LEASE_RENEWED);
  const life = new SharedArrayBuffer(8);
  const seen = new BigInt64Array(life);
  Atomics.store(seen, 0, BigInt(options.now()));
  const { realtime, runtimeDirectory } = options;
  const start: FastStart = { lease, life, realtime, runtimeDirectory };
  const worker = new Worker(entry(), { workerData: start, resourceLimits: { maxOldGenerationSizeMb: 64 } });
  let stopping = false;
  let ended = false;
  let onStopped = (): void => {};
  let onRetired = (): void => {};
  worker.on("message", (message: FastToWire) => {
    if (message.type === "stopped") onStopped();
    else if (message.type === "retired") onRetired();
    else options.onMessage(message);
  });
  const onEnd = (detail: string): void => {
    clearInterval(renewal);
    if (ended) return;
    ended = true;
    onStopped();
    onRetired();
    if (!stopping) options.onExit(detail);
  };
  worker.on("error", (error: Error) => onEnd(error.stack ?? error.message));
  worker.on("exit", (code) => onEnd(`ended with status ${code}`));
  /** Asks for something that is answered once; resolves with the answer, or when it takes too long. */
  const ask = (message: WireToFast, listen: (onAnswer: () => void) => void): Promise<void> =>
    new Promise((resolve) => {
      if (ended) return resolve();
      const limit = setTimeout(resolve, ANSWER_LIMIT);
      listen(() => {
        clearTimeout(limit);
        resolve();
      });
      worker.postMessage(message);
    });
  const end = (type: "stop" | "abandon"): Promise<void> => {
    stopping = true;
    return ask({ type }, (onAnswer) => {
      onStopped = onAnswer;
    });
  };
  return {
    send: (message) => worker.postMessage(message),
    seenAt: () => instant(Number(Atomics.load(seen, 0))),
    retire: (routers) =>
      ask({ type: "retire", routers }, (onAnswer) => {
        onRetired = onAnswer;
      }),
    abandon: () => end("abandon"),
    stop: () => end("stop"),
  };
};
