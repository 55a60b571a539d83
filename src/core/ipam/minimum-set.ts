/** A set of which only the smallest member is ever asked for. */
import { at } from "#base/assert";

/** Counts elementary steps, so that tests can prove how work grows without looking at a clock. */
export type Effort = { steps: number };

/**
 * A heap with a set beside it: members that were deleted stay in the heap until they reach its top, and none is in it twice.
 * Every operation takes a logarithmic number of steps, averaged over all of them.
 */
export class MinimumSet<Member extends string | bigint> {
  readonly #members = new Set<Member>();
  readonly #queued = new Set<Member>();
  readonly #heap: Member[] = [];
  readonly #effort: Effort;

  constructor(effort: Effort = { steps: 0 }) {
    this.#effort = effort;
  }

  get size(): number {
    return this.#members.size;
  }

  add(member: Member): void {
    this.#members.add(member);
    if (this.#queued.has(member)) return;
    this.#queued.add(member);
    this.#rise(this.#heap.push(member) - 1, member);
  }

  delete(member: Member): void {
    this.#members.delete(member);
  }

  /** The smallest member. */
  first(): Member | undefined {
    for (;;) {
      const top = this.#heap[0];
      if (top === undefined || this.#members.has(top)) return top;
      this.#queued.delete(top);
      const last = this.#heap.pop();
      if (last !== undefined && this.#heap.length > 0) this.#sink(last);
    }
  }

  #rise(from: number, member: Member): void {
    let index = from;
    while (index > 0) {
      this.#effort.steps += 1;
      const parent = (index - 1) >>> 1;
      const above = at(this.#heap, parent);
      if (above <= member) break;
      this.#heap[index] = above;
      index = parent;
    }
    this.#heap[index] = member;
  }

  #sink(member: Member): void {
    const { length } = this.#heap;
    let index = 0;
    for (;;) {
      this.#effort.steps += 1;
      let child = 2 * index + 1;
      if (child >= length) break;
      if (child + 1 < length && at(this.#heap, child + 1) < at(this.#heap, child)) child += 1;
      const below = at(this.#heap, child);
      if (member <= below) break;
      this.#heap[index] = below;
      index = child;
    }
    this.#heap[index] = member;
  }
}
