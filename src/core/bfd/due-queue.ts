/**
 * Which session is due first: a binary heap in which every member has one place and knows it, so that each packet can move
 * a deadline in O(log n).
 */
import type { Instant } from "#base/time";

/** What a member must have; the queue alone writes it. */
export type Member = {
  /** `undefined` while it is not in the queue. */
  dueAt: Instant | undefined;
  place: number;
};

const dueAt = ({ dueAt: at }: Member): number => at ?? Number.POSITIVE_INFINITY;

export class DueQueue<Each extends Member> {
  readonly #heap: Each[] = [];

  /** The member that is due first. */
  first(): Each | undefined {
    return this.#heap[0];
  }

  /** Sets when a member is due; `undefined` takes it out. */
  set(member: Each, at: Instant | undefined): void {
    if (member.dueAt === at) return;
    if (member.dueAt === undefined) {
      member.place = this.#heap.length;
      this.#heap.push(member);
    }
    member.dueAt = at;
    if (at === undefined) this.#takeOut(member);
    else this.#settle(member);
  }

  #put(member: Each, place: number): void {
    this.#heap[place] = member;
    member.place = place;
  }

  /** The last one fills the place. */
  #takeOut(member: Each): void {
    const last = this.#heap.pop();
    if (last === undefined || last === member) return;
    this.#put(last, member.place);
    this.#settle(last);
  }

  /** Moves a member to where none above it is later, and none below it earlier. */
  #settle(member: Each): void {
    for (let above = this.#above(member); above !== undefined; above = this.#above(member)) {
      if (dueAt(above) <= dueAt(member)) break;
      this.#swap(above, member);
    }
    for (let below = this.#below(member); below !== undefined; below = this.#below(member)) {
      if (dueAt(member) <= dueAt(below)) break;
      this.#swap(member, below);
    }
  }

  #above({ place }: Each): Each | undefined {
    return place === 0 ? undefined : this.#heap[(place - 1) >> 1];
  }

  /** The earlier one of the two below. */
  #below({ place }: Each): Each | undefined {
    const [left, right] = [this.#heap[2 * place + 1], this.#heap[2 * place + 2]];
    return left !== undefined && right !== undefined && dueAt(right) < dueAt(left) ? right : left;
  }

  #swap(upper: Each, lower: Each): void {
    const { place } = upper;
    this.#put(upper, lower.place);
    this.#put(lower, place);
  }
}
