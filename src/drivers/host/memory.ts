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
/** Live heap in bytes above which giving pages back would take longer than checks and the lease may wait. */
const TOO_LARGE = 64 * 1024 * 1024;
/** How long the work must have been over, in milliseconds. */
const QUIET = 3_000;

/** Collects once to know how much lives, and again, in a turn of its own, to return pages to the system. */
const collectGarbage = (onEnd: () => void): void => {
  setFlagsFromString("--expose-gc");
  const gc: unknown = runInNewContext("gc");
  if (typeof gc !== "function" || getHeapStatistics().total_heap_size < WORTH_IT) {
    onEnd();
    return;
  }
  gc({ type: "major", execution: "sync", flavor: "regular" });
  setImmediate(() => {
    // Collects several times in a row.
    if (getHeapStatistics().used_heap_size < TOO_LARGE)
      gc({ type: "major", execution: "sync", flavor: "last-resort" });
    onEnd();
  });
};

/**
 * From now on threads of this process move what lives by themselves when they collect garbage. Helpers have ordinary priority: one that has
 * begun and gets no processor would hold up even a thread with real-time priority. To be called at the start of the process:
 * in the midst of a collection V8 takes such a change badly, and one of how it marks at any time.
 */
export const collectAlone = (): void => {
  for (const work of ["scavenge", "compaction", "pointer-update"]) {
    setFlagsFromString(`--no-parallel-${work}`);
  }
};

/**
 * From now on the heap may grow by less before it is collected: with many checks it is mostly garbage by then. Not from
 * the start, nor on the command line: Node.js's own code comes compiled for its own flags, and with others compiles anew.
 */
export const growSlowly = (): void => setFlagsFromString("--memory-saver-mode");

/**
 * From now on the heap may grow by two fifths before it is collected, and not to four times what lives. For processes that
 * keep much and are given much at once: the memory-saver mode costs them as much processor time again as the work itself.
 */
export const growModerately = (): void => setFlagsFromString("--heap-growing-percent=40");

const trimHeap = (): void => {
  try {
    openDoor().trimHeap();
  } catch {
    // A controller needs the door to the kernel for nothing else: without it, it weighs more, and that is all.
  }
};

/** Gives back at once what is not needed. Nothing else is done meanwhile, for up to some tenths of a second. */
export const giveBack = (): void => collectGarbage(trimHeap);

/**
 * The same for a process that others wait for: one collection, of some hundredths of a second at the most. From then on V8 takes the process
 * for one in the background: a few seconds later it collects again by itself, in steps that nobody notices, gives free pages back,
 * and lets the heap grow by little. To be ended by `expectWork`.
 */
export const rest = (): void => {
  growSlowly();
  setFlagsFromString("--expose-gc");
  const gc: unknown = runInNewContext("gc");
  if (typeof gc !== "function") return;
  gc({ type: "major", execution: "sync", flavor: "regular" });
  setImmediate(trimHeap);
};

/** Much is about to be done: the heap may grow again as it did before `rest`. */
export const expectWork = (): void => setFlagsFromString("--no-memory-saver-mode");

/** Gives a function to be called after each burst; memory is given back when none followed for 3 s. */
export const createCollector = (): (() => void) => {
  let timer: NodeJS.Timeout | undefined;
  const quiet = (): void => {
    growSlowly();
    giveBack();
  };
  return () => {
    clearTimeout(timer);
    timer = setTimeout(quiet, QUIET).unref();
  };
};
