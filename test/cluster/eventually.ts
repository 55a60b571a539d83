/** Waiting for what a test expects to come about. */
import { setTimeout as pause } from "node:timers/promises";

/** Resolves with the first value of `look` that is not `undefined`; fails, with `what`, when it takes longer. */
export const eventually = async <T>(
  what: string,
  withinMs: number,
  look: () => Promise<T | undefined> | T | undefined,
): Promise<T> => {
  const limit = performance.now() + withinMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (performance.now() > limit) throw new Error(`after ${withinMs} ms still not: ${what}`);
    await pause(25);
  }
};
