/**
 * When each machine wants to be called again, and one wake-up for the earliest of them.
 *
 * A binary heap with lazy deletion: setting a deadline is O(log n), and a machine that moves its deadline leaves an
 * outdated entry behind that is skipped when it comes up.
 */
import type { Instant } from "#base/time";

/** The clock of one thread: what time it is, and one wake-up. */
export type Clock = {
  now(): Instant;
  /** Asks for one wake-up no earlier than `at`; replaces the one asked for before; `undefined` cancels it. */
  wake(at: Instant | undefined): void;
};

export type Deadlines = {
  /** Calls `run` no earlier than `at`; replaces what was set for `id`; `undefined` forgets it. */
  set(id: string, at: Instant | undefined, run: (now: Instant) => void): void;
  /** Runs everything that is due. The clock's owner calls it at each wake-up, after it has read its sockets. */
  runDue(): void;
};

type Entry = { readonly at: Instant; readonly id: string; readonly run: (now: Instant) => void };

const swap = (heap: Entry[], i: number, j: number): void => {
  const a = heap[i];
  const b = heap[j];
  if (a === undefined || b === undefined) return;
  heap[i] = b;
  heap[j] = a;
};

const earlier = (heap: readonly Entry[], i: number, j: number): boolean => {
  const a = heap[i];
  const b = heap[j];
  return a !== undefined && b !== undefined && a.at < b.at;
};

const push = (heap: Entry[], entry: Entry): void => {
  heap.push(entry);
  let index = heap.length - 1;
  while (index > 0) {
    const parent = (index - 1) >> 1;
    if (!earlier(heap, index, parent)) return;
    swap(heap, index, parent);
    index = parent;
  }
};

const pop = (heap: Entry[]): Entry | undefined => {
  const top = heap[0];
  const last = heap.pop();
  if (top === undefined || last === undefined || heap.length === 0) return top;
  heap[0] = last;
  let index = 0;
  for (;;) {
    let least = index;
    for (const child of [2 * index + 1, 2 * index + 2]) if (earlier(heap, child, least)) least = child;
    if (least === index) return top;
    swap(heap, index, least);
    index = least;
  }
};

/** An empty queue on `clock`. */
export const createDeadlines = (clock: Clock): Deadlines => {
  const heap: Entry[] = [];
  const currentById = new Map<string, Entry>();
  let armedFor: Instant | undefined;

  const isCurrent = (entry: Entry): boolean => currentById.get(entry.id) === entry;

  const arm = (): void => {
    while (heap[0] !== undefined && !isCurrent(heap[0])) pop(heap);
    const next = heap[0]?.at;
    if (next === armedFor) return;
    armedFor = next;
    clock.wake(next);
  };

  return {
    set(id, at, run) {
      if (at === undefined) currentById.delete(id);
      else {
        const before = currentById.get(id);
        if (before !== undefined && before.at === at && before.run === run) return;
        const entry = { at, id, run };
        currentById.set(id, entry);
        push(heap, entry);
      }
      arm();
    },
    runDue() {
      armedFor = undefined;
      const now = clock.now();
      for (let top = heap[0]; top !== undefined && top.at <= now; top = heap[0]) {
        pop(heap);
        if (!isCurrent(top)) continue;
        currentById.delete(top.id);
        top.run(now);
      }
      arm();
    },
  };
};
