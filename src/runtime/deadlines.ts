/**
 * When each machine wants to be called again, and one wake-up for the earliest of them.
 *
 * A binary heap in which every machine has one place and knows it, so that setting, moving and forgetting a deadline
 * are O(log n) and nothing is left behind: each packet of a flood may move one.
 */
import { after, type Instant, millis } from "#base/time";

/** The clock of one thread: what time it is, and one wake-up. */
export type Clock = {
  now(): Instant;
  /** Asks for one wake-up no earlier than `at`; replaces the one asked for before; `undefined` cancels it. */
  wake(at: Instant | undefined): void;
};

export type Deadlines = {
  /** Calls `run` no earlier than `at`; replaces what was set for `id`; `undefined` forgets it. */
  set(id: string, at: Instant | undefined, run: (now: Instant) => void): void;
  /**
   * Runs what is due, but for no longer than a turn of the event loop may take: the rest follows at once, after whatever
   * else waits. The clock's owner calls it at each wake-up, after it has read its sockets.
   */
  runDue(): void;
};

/** How long work is begun in one turn, whatever is due: thousands of checks may be, after a pause of the process. */
const TURN = millis(20);

type Entry = { readonly id: string; at: Instant; run: (now: Instant) => void; place: number };

const put = (heap: Entry[], entry: Entry, place: number): void => {
  heap[place] = entry;
  entry.place = place;
};

/** Moves an entry up to where none above it is later. */
const rise = (heap: Entry[], entry: Entry): void => {
  for (;;) {
    const above = entry.place === 0 ? undefined : heap[(entry.place - 1) >> 1];
    if (above === undefined || above.at <= entry.at) return;
    const { place } = above;
    put(heap, above, entry.place);
    put(heap, entry, place);
  }
};

/** Moves an entry down to where none below it is earlier. */
const sink = (heap: Entry[], entry: Entry): void => {
  for (;;) {
    const [left, right] = [heap[2 * entry.place + 1], heap[2 * entry.place + 2]];
    const below = left !== undefined && right !== undefined && right.at < left.at ? right : left;
    if (below === undefined || entry.at <= below.at) return;
    const { place } = below;
    put(heap, below, entry.place);
    put(heap, entry, place);
  }
};

/** Takes an entry out; the last one fills its place. */
const takeOut = (heap: Entry[], entry: Entry): void => {
  const last = heap.pop();
  if (last === undefined || last === entry) return;
  put(heap, last, entry.place);
  rise(heap, last);
  sink(heap, last);
};

/** An empty queue on `clock`. */
export const createDeadlines = (clock: Clock): Deadlines => {
  const heap: Entry[] = [];
  const entryById = new Map<string, Entry>();
  let armedFor: Instant | undefined;
  let running = false;

  const arm = (): void => {
    const next = heap[0]?.at;
    // Once at the end is enough: the clock is a system call away.
    if (running || next === armedFor) return;
    armedFor = next;
    clock.wake(next);
  };

  const forget = (entry: Entry): void => {
    takeOut(heap, entry);
    entryById.delete(entry.id);
  };

  const move = (entry: Entry, at: Instant): void => {
    entry.at = at;
    rise(heap, entry);
    sink(heap, entry);
  };

  return {
    set(id, at, run) {
      const known = entryById.get(id);
      if (at === undefined) {
        if (known !== undefined) forget(known);
      } else if (known !== undefined) {
        known.run = run;
        move(known, at);
      } else {
        const entry = { id, at, run, place: heap.length };
        entryById.set(id, entry);
        heap.push(entry);
        rise(heap, entry);
      }
      arm();
    },
    runDue() {
      armedFor = undefined;
      running = true;
      const now = clock.now();
      const limit = after(now, TURN);
      try {
        for (let top = heap[0]; top !== undefined && top.at <= now; top = heap[0]) {
          forget(top);
          top.run(now);
          if (clock.now() > limit) break;
        }
      } finally {
        running = false;
        arm();
      }
    },
  };
};
