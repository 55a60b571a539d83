/**
 * Work by key, such as one write per Service: the newest value of a key wins, failing keys wait longer and longer, and all
 * of them together keep to a rate.
 *
 * ```
 *            put                    take                   done: succeeded
 *   (none) --------> waiting -----------------> running ---------------------> (none)
 *                     ^   ^   when due, a token      |
 *                     |   |   and a place are free   | done: failed
 *                     |   +--------------------------+ (due after its back-off)
 *                     +------------------------------- put while running, then done
 * ```
 *
 * Pure: no clock and no timers. The caller asks `take(now)` until it gives nothing, and again no later than `deadline()`.
 * Values that were never taken are simply replaced: what matters is what a key is to become, not the way there.
 */
import { assert } from "#base/assert";
import { after, type Duration, type Instant, instant, micros } from "#base/time";
import { type Backoff, backoffDelay } from "./backoff.ts";

export type WorkQueueConfig = {
  /** Pieces of work begun in a second, over a long time; above 0. */
  readonly rate: number;
  /** Pieces of work that may begin at once after a rest; at least 1. */
  readonly burst: number;
  /**
   * Pieces of work that may run at the same time; at least 1. Halved each time the server asks to be left alone, and slowly
   * grown again by what succeeds: a server that takes two requests at once is not to refuse fourteen of sixteen for ever.
   */
  readonly parallel: number;
  readonly backoff: Backoff;
};

export type WorkResult =
  | { readonly type: "succeeded" }
  /** It must not be tried again as it is: the value is forgotten, a newer one is taken at once. */
  | { readonly type: "refused" }
  /** It will be tried again. `retryAfter`, which the server asked for, holds up the whole queue: it is the server that is busy. */
  | { readonly type: "failed"; readonly retryAfter?: Duration };

export type Work<Key, Value> = { readonly key: Key; readonly value: Value };

export type WorkQueue<Key extends string, Value> = {
  /** Sets what a key is to become. A key that waits after a failure goes on waiting. */
  put(key: Key, value: Value, now: Instant): void;
  /** Forgets what was put; work that is running goes on to its `done`. */
  drop(key: Key): void;
  /** The next piece of work, which is running from now on; `undefined` when none may begin now. */
  take(now: Instant): Work<Key, Value> | undefined;
  /** The end of work that `take` gave. */
  done(key: Key, result: WorkResult, now: Instant): void;
  /** When `take` may give something at the earliest; `undefined` when only `put` or `done` can change anything. */
  deadline(): Instant | undefined;
  /** Keys that wait, and keys that run; one that does both counts twice. */
  readonly waiting: number;
  readonly running: number;
};

type Entry<Value> = {
  /** Boxed, so that any value may be put; `undefined` when nothing waits. */
  wanted: { readonly value: Value } | undefined;
  /** What runs, to be tried again if it fails and nothing newer was put; `undefined` once it was dropped. */
  taken: { readonly value: Value } | undefined;
  isRunning: boolean;
  dueAt: Instant;
  failures: number;
  /** Number of the turn in the heap that counts; older turns of the key are stale. */
  turn: number;
};

type Turn<Key> = { readonly key: Key; readonly dueAt: Instant; readonly number: number };

/** Turns by when they are due, first come first served among equals. A binary heap. */
class Turns<Key> {
  readonly #heap: Turn<Key>[] = [];

  get first(): Turn<Key> | undefined {
    return this.#heap[0];
  }

  push(turn: Turn<Key>): void {
    let place = this.#heap.length;
    this.#heap.push(turn);
    while (place > 0) {
      const parent = (place - 1) >>> 1;
      if (!this.#isBefore(place, parent)) return;
      this.#swap(place, parent);
      place = parent;
    }
  }

  pop(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    let place = 0;
    for (;;) {
      const left = 2 * place + 1;
      const smaller = this.#isBefore(left + 1, left) ? left + 1 : left;
      if (!this.#isBefore(smaller, place)) return;
      this.#swap(place, smaller);
      place = smaller;
    }
  }

  #isBefore(left: number, right: number): boolean {
    const [one, other] = [this.#heap[left], this.#heap[right]];
    if (one === undefined || other === undefined) return false;
    return one.dueAt === other.dueAt ? one.number < other.number : one.dueAt < other.dueAt;
  }

  #swap(left: number, right: number): void {
    const [one, other] = [this.#heap[left], this.#heap[right]];
    assert(one !== undefined && other !== undefined, "no such turn", { left, right });
    this.#heap[left] = other;
    this.#heap[right] = one;
  }
}

/** A number in [0, 1) that differs from key to key and from failure to failure (FNV-1a), instead of dice. */
const spreadOf = (key: string, failures: number): number => {
  let hash = 0x811c9dc5 ^ failures;
  for (let index = 0; index < key.length; index += 1)
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  return (hash >>> 0) / 0x1_0000_0000;
};

/** Tokens that come back at a steady rate. */
const tokenBucket = ({ rate, burst }: { readonly rate: number; readonly burst: number }) => {
  /** One token takes so many microseconds to come back. */
  const interval = 1_000_000 / rate;
  /** When the bucket will be full again. */
  let fullAt = Number.NEGATIVE_INFINITY;
  /** When the next token is there. */
  const readyAt = (): number => fullAt - (burst - 1) * interval;
  return {
    readyAt,
    take: (now: Instant): boolean => {
      if (readyAt() > now) return false;
      fullAt = Math.max(fullAt, now) + interval;
      return true;
    },
  };
};

/** How many may run at once grows by one after so many rounds that all succeeded. */
const ROUNDS_TO_GROW = 16;

class Queue<Key extends string, Value> implements WorkQueue<Key, Value> {
  readonly #config: WorkQueueConfig;
  readonly #entryByKey = new Map<Key, Entry<Value>>();
  readonly #turns = new Turns<Key>();
  readonly #tokens: ReturnType<typeof tokenBucket>;
  #pausedUntil = Number.NEGATIVE_INFINITY;
  #turnNumber = 0;
  /** How many may run now: from 1 to `parallel` of the configuration, in fractions. */
  #parallel: number;
  #running = 0;
  #waiting = 0;

  constructor(config: WorkQueueConfig) {
    this.#config = config;
    this.#parallel = config.parallel;
    this.#tokens = tokenBucket(config);
  }

  get waiting(): number {
    return this.#waiting;
  }

  get running(): number {
    return this.#running;
  }

  get #hasPlace(): boolean {
    return this.#running < Math.floor(this.#parallel);
  }

  put(key: Key, value: Value, now: Instant): void {
    const known = this.#entryByKey.get(key);
    if (known !== undefined) {
      this.#want(known, { value });
      return;
    }
    const idle = { wanted: undefined, taken: undefined, isRunning: false };
    const entry: Entry<Value> = { ...idle, dueAt: now, failures: 0, turn: 0 };
    this.#want(entry, { value });
    this.#entryByKey.set(key, entry);
    this.#enqueue(key, entry);
  }

  drop(key: Key): void {
    const entry = this.#entryByKey.get(key);
    if (entry === undefined) return;
    this.#want(entry, undefined);
    entry.taken = undefined;
    if (!entry.isRunning) this.#entryByKey.delete(key);
  }

  take(now: Instant): Work<Key, Value> | undefined {
    if (!this.#hasPlace || this.#pausedUntil > now) return undefined;
    const next = this.#nextTurn();
    if (next === undefined || next.turn.dueAt > now || !this.#tokens.take(now)) return undefined;
    this.#turns.pop();
    next.entry.taken = next.wanted;
    this.#want(next.entry, undefined);
    next.entry.isRunning = true;
    this.#running += 1;
    return { key: next.turn.key, value: next.wanted.value };
  }

  done(key: Key, result: WorkResult, now: Instant): void {
    const entry = this.#entryByKey.get(key);
    assert(entry?.isRunning, "the end of work that was not begun", { key });
    entry.isRunning = false;
    this.#running -= 1;
    if (result.type === "succeeded") this.#grow();
    if (result.type === "failed") this.#putOff(key, entry, result.retryAfter, now);
    else {
      entry.failures = 0;
      entry.dueAt = now;
    }
    entry.taken = undefined;
    if (entry.wanted !== undefined) this.#enqueue(key, entry);
    else this.#entryByKey.delete(key);
  }

  deadline(): Instant | undefined {
    const next = this.#hasPlace ? this.#nextTurn() : undefined;
    if (next === undefined) return undefined;
    // Fractions of a microsecond are rounded up: a moment earlier there is no token yet.
    return instant(Math.ceil(Math.max(next.turn.dueAt, this.#pausedUntil, this.#tokens.readyAt())));
  }

  #grow(): void {
    const grown = this.#parallel + 1 / (ROUNDS_TO_GROW * this.#parallel);
    this.#parallel = Math.min(this.#config.parallel, grown);
  }

  /** Those that were refused together count once: what they had in common was too many of them. */
  #shrink(now: Instant): void {
    if (now >= this.#pausedUntil) this.#parallel = Math.max(1, this.#parallel / 2);
  }

  #want(entry: Entry<Value>, wanted: Entry<Value>["wanted"]): void {
    this.#waiting += Number(wanted !== undefined) - Number(entry.wanted !== undefined);
    entry.wanted = wanted;
  }

  #enqueue(key: Key, entry: Entry<Value>): void {
    this.#turnNumber += 1;
    entry.turn = this.#turnNumber;
    this.#turns.push({ key, dueAt: entry.dueAt, number: this.#turnNumber });
  }

  /** The next turn that still counts. */
  #nextTurn() {
    for (let turn = this.#turns.first; turn !== undefined; turn = this.#turns.first) {
      const entry = this.#entryByKey.get(turn.key);
      if (entry?.turn === turn.number && entry.wanted !== undefined)
        return { turn, entry, wanted: entry.wanted };
      this.#turns.pop();
    }
    return undefined;
  }

  /** Puts off a key that failed, and everything if the server asks for it. */
  #putOff(key: Key, entry: Entry<Value>, retryAfter: Duration | undefined, now: Instant): void {
    entry.failures += 1;
    const { failures } = entry;
    const delay = backoffDelay(this.#config.backoff, { failures, spread: spreadOf(key, failures) });
    entry.dueAt = after(now, micros(Math.max(delay, retryAfter ?? 0)));
    if (retryAfter !== undefined) {
      this.#shrink(now);
      this.#pausedUntil = Math.max(this.#pausedUntil, after(now, retryAfter));
    }
    if (entry.wanted === undefined) this.#want(entry, entry.taken);
  }
}

/** An empty queue. */
export const createWorkQueue = <Key extends string, Value>(
  config: WorkQueueConfig,
): WorkQueue<Key, Value> => {
  assert(config.rate > 0 && config.burst >= 1 && config.parallel >= 1, "a queue that never moves", config);
  return new Queue(config);
};
