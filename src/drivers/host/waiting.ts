/** How long a thread has waited for a processor that others had. */
import { readFileSync } from "node:fs";
import { type Duration, micros } from "#base/time";

/**
 * The time that the main thread of this process was ready to run and did not, since its start; 0 where the kernel does not
 * count it. Any thread may ask.
 */
export const waitedForProcessor = (): Duration => {
  try {
    // Nanoseconds on a processor, nanoseconds ready and waiting for one, times it was given one.
    const [, waited] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, "latin1").split(" ");
    return micros(Number(waited) / 1_000 || 0);
  } catch {
    return micros(0);
  }
};
