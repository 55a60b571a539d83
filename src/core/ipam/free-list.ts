/** Which positions of a space are free, and which is the smallest of them. */
import { type Effort, MinimumSet } from "./minimum-set.ts";

/**
 * Positions from 0 up to `size`, all free at first. Nothing is stored for a position that was never taken, so a space of
 * 2^64 costs what one of 256 does. Below the frontier every position is taken unless it is a known hole; above it every one is
 * free unless it is known to be taken. The frontier only moves up, past taken positions, and each of them was paid for when it
 * was taken.
 */
export class FreeList {
  readonly size: bigint;
  /** From the frontier up. */
  readonly #taken = new Set<bigint>();
  readonly #holes: MinimumSet<bigint>;
  readonly #effort: Effort;
  #frontier = 0n;

  constructor(size: bigint, effort: Effort) {
    this.size = size;
    this.#effort = effort;
    this.#holes = new MinimumSet(effort);
  }

  take(position: bigint): void {
    if (position < this.#frontier) this.#holes.delete(position);
    else this.#taken.add(position);
  }

  release(position: bigint): void {
    if (position < this.#frontier) this.#holes.add(position);
    else this.#taken.delete(position);
  }

  /** The smallest free position; `undefined` when all are taken. */
  first(): bigint | undefined {
    const hole = this.#holes.first();
    if (hole !== undefined) return hole;
    while (this.#taken.delete(this.#frontier)) {
      this.#effort.steps += 1;
      this.#frontier += 1n;
    }
    return this.#frontier < this.size ? this.#frontier : undefined;
  }
}
