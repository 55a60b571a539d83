/** The fast thread as the wire's main thread sees it, and the lease that vouches for this thread. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { after, type Instant, instant, seconds } from "#base/time";
import type { FastStart, FastToWire, WireToFast } from "../messages.ts";

/** How long the fast thread may go on after a sign of life of the main thread. */
const LEASE_LASTS = seconds(3);
/** How often there is one, in milliseconds. */
const LEASE_RENEWED = 250;
/** How long the fast thread may take to give everything up. Milliseconds. */
const STOP_LIMIT = 5_000;

export type FastLink = {
  send(message: WireToFast): void;
  /** Its last sign of life; before the first, its start. */
  seenAt(): Instant;
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
  readonly realtime: boolean;
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
  const start: FastStart = { lease, life, realtime: options.realtime };
  const worker = new Worker(entry(), { workerData: start, resourceLimits: { maxOldGenerationSizeMb: 64 } });
  let stopping = false;
  let ended = false;
  let onStopped = (): void => {};
  worker.on("message", (message: FastToWire) => {
    if (message.type === "stopped") onStopped();
    else options.onMessage(message);
  });
  const onEnd = (detail: string): void => {
    clearInterval(renewal);
    if (ended) return;
    ended = true;
    onStopped();
    if (!stopping) options.onExit(detail);
  };
  worker.on("error", (error: Error) => onEnd(error.stack ?? error.message));
  worker.on("exit", (code) => onEnd(`ended with status ${code}`));
  return {
    send: (message) => worker.postMessage(message),
    seenAt: () => instant(Number(Atomics.load(seen, 0))),
    stop: () =>
      new Promise((resolve) => {
        stopping = true;
        if (ended) return resolve();
        const limit = setTimeout(resolve, STOP_LIMIT);
        onStopped = () => {
          clearTimeout(limit);
          resolve();
        };
        worker.postMessage({ type: "stop" } satisfies WireToFast);
      }),
  };
};
