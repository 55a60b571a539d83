/**
 * Gives memory back after a burst of work.
 *
 * Loading a large configuration leaves garbage several times the size of what stays, and V8 sees no reason to collect
 * it once the process is quiet: on a small box it would keep it for ever.
 */
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Heap in bytes below which a collection is not worth its pause. */
const WORTH_IT = 10 * 1024 * 1024;
/** How long the work must have been over, in milliseconds. */
const QUIET = 3_000;

const collect = (): void => {
  if (getHeapStatistics().total_heap_size < WORTH_IT) return;
  setFlagsFromString("--expose-gc");
  const gc: unknown = runInNewContext("gc");
  // Takes 15 to 30 ms; `last-resort` also returns the pages to the system.
  if (typeof gc === "function") gc({ type: "major", execution: "sync", flavor: "last-resort" });
};

/** Gives a function to be called after each burst; the heap of this thread is collected when none followed for 3 s. */
export const createCollector = (): (() => void) => {
  let timer: NodeJS.Timeout | undefined;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(collect, QUIET).unref();
  };
};
