/** Many deadlines, of which the next one is always known: a binary heap whose outdated entries are dropped as they come up. */
import { at } from "#base/assert";
import type { Instant } from "#base/time";

type Due<Key> = { readonly key: Key; readonly at: Instant };

/** Deadlines by key. Setting and taking one costs the logarithm of their number. */
export class Deadlines<Key> {
  readonly #atByKey = new Map<Key, Instant>();
  /** Each entry is no later than its two children at 2i+1 and 2i+2. */
  #heap: Due<Key>[] = [];

  /** Sets the deadline of a key; `undefined` takes it away. */
  set(key: Key, due: Instant | undefined): void {
    if (this.#atByKey.get(key) === due) return;
    if (due === undefined) {
      this.#atByKey.delete(key);
      return;
    }
    this.#atByKey.set(key, due);
    // Outdated entries must not pile up when deadlines change often and are far away.
    if (this.#heap.length > 2 * this.#atByKey.size + 64) this.#rebuild();
    else this.#push({ key, at: due });
  }

  /** How many entries there are, outdated ones included: at most twice the deadlines and a few. */
  get kept(): number {
    return this.#heap.length;
  }

  /** The earliest deadline. */
  next(): Instant | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || this.#atByKey.get(first.key) === first.at) return first?.at;
      this.#pop();
    }
  }

  /** Takes keys that are due away and gives them, earliest first; so many of them at most. */
  takeDue(now: Instant, most = Number.POSITIVE_INFINITY): readonly Key[] {
    const due: Key[] = [];
    for (let next = this.next(); next !== undefined && next <= now && due.length < most; next = this.next()) {
      const { key } = at(this.#heap, 0);
      this.#pop();
      this.#atByKey.delete(key);
      due.push(key);
    }
    return due;
  }

  #rebuild(): void {
    this.#heap = [...this.#atByKey].map(([key, due]) => ({ key, at: due })).sort((a, b) => a.at - b.at);
  }

  #push(entry: Due<Key>): void {
    const heap = this.#heap;
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = at(heap, parent);
      if (above.at <= entry.at) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      if (left >= heap.length) break;
      const right = left + 1;
      const child = right < heap.length && at(heap, right).at < at(heap, left).at ? right : left;
      const below = at(heap, child);
      if (below.at >= last.at) break;
      heap[index] = below;
      index = child;
    }
    heap[index] = last;
  }
}
