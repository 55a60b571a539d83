/**
 * Gives memory back after a burst of work.
 *
 * Loading a large configuration leaves garbage several times the size of what stays. V8 sees no reason to collect
 * it once the process is quiet, and glibc keeps freed pages that lie between others: on a small box, for ever.
 */
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { openDoor } from "#native/door";

/** Heap in bytes below which a collection is not worth its pause. */
const WORTH_IT = 10 * 1024 * 1024;
/** How long the work must have been over, in milliseconds. */
const QUIET = 3_000;

const collectGarbage = (): void => {
  if (getHeapStatistics().total_heap_size < WORTH_IT) return;
  setFlagsFromString("--expose-gc");
  const gc: unknown = runInNewContext("gc");
  // Takes 15 to 30 ms; `last-resort` also returns the pages to the system.
  if (typeof gc === "function") gc({ type: "major", execution: "sync", flavor: "last-resort" });
};

/**
 * From now on the heap may grow by less before it is collected: with many checks it is mostly garbage by then. Not from
 * the start, nor on the command line: Node.js's own code comes compiled for its own flags, and with others compiles anew.
 */
const growSlowly = (): void => setFlagsFromString("--memory-saver-mode");

const giveBack = (): void => {
  growSlowly();
  collectGarbage();
  openDoor().trimHeap();
};

/** Gives a function to be called after each burst; memory is given back when none followed for 3 s. */
export const createCollector = (): (() => void) => {
  let timer: NodeJS.Timeout | undefined;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(giveBack, QUIET).unref();
  };
};
