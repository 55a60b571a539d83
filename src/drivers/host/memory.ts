/**
 * Gives memory back after a burst of work.
 *
 * Loading a large configuration leaves garbage several times the size of what stays. V8 sees no reason to collect
 * it once the process is quiet, and glibc keeps freed pages that lie between others: on a small box, for ever.
 */
import { readFileSync, realpathSync } from "node:fs";
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Door, openDoor } from "#native/door";

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

/** A controller needs the door to the kernel for nothing else: without it, it weighs more, and that is all. */
const withDoor = (give: (door: Door) => void): void => {
  try {
    give(openDoor());
  } catch {
    // It is not there.
  }
};

const trimHeap = (): void => withDoor((door) => void door.trimHeap());

/** Mappings of Node.js's own program that nobody writes to, by start and length in bytes. */
export const programMappings = (
  maps: string,
  program: string,
): readonly { readonly start: number; readonly length: number }[] =>
  maps.split("\n").flatMap((line) => {
    const [, from = "", to = "", path] =
      /^([0-9a-f]+)-([0-9a-f]+) r-[x-]p (?:\S+ ){3}\s*(.*)$/.exec(line) ?? [];
    if (path !== program) return [];
    const start = Number.parseInt(from, 16);
    return [{ start, length: Number.parseInt(to, 16) - start }];
  });

/**
 * Gives back the pages of Node.js's program, most of which only a start or a burst needs: two fifths of what a small process weighs. What is
 * used all the time is read from the page cache again, in a millisecond all together. A speaker under a memory limit, beside a program that
 * turns over all of its cache, took over no later for it.
 */
export const giveBackProgram = (): void =>
  withDoor((door) => {
    const maps = readFileSync("/proc/self/maps", "utf8");
    for (const { start, length } of programMappings(maps, realpathSync(process.execPath)))
      door.dropFilePages(start, length);
  });

/** Gives back at once what is not needed. Nothing else is done meanwhile, for up to some tenths of a second. */
export const giveBack = (): void =>
  collectGarbage(() => {
    trimHeap();
    giveBackProgram();
  });

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
  setImmediate(() => {
    trimHeap();
    giveBackProgram();
  });
};

/** Much is about to be done: the heap may grow again as it did before `rest`. */
export const expectWork = (): void => setFlagsFromString("--no-memory-saver-mode");

/** Gives a function to be called after each burst; memory is given back when none followed for 3 s. */
export const createCollector = (): (() => void) => {
  let timer: NodeJS.Timeout | undefined;
  const quiet = (): void => {
    growSlowly();
    collectGarbage(trimHeap);
  };
  return () => {
    clearTimeout(timer);
    timer = setTimeout(quiet, QUIET).unref();
  };
};
