/**
 * The addresses of one family in one pool, numbered from 0 in the order in which they are given out: blocks as they are
 * written, addresses ascending, those that are left out not counted.
 */
import { at } from "#base/assert";
import type { AddressBlock } from "./pool.ts";

/** A block with the position of its first counted address. */
type Placed = {
  readonly first: bigint;
  readonly last: bigint;
  /** How many counted addresses the blocks before it have. */
  readonly offset: bigint;
  readonly size: bigint;
};

/** How addresses below a number are counted, and back. */
type Counting = {
  /** How many counted addresses are smaller than `number`. */
  readonly below: (number: bigint) => bigint;
  /** The counted address below which `count` others lie. */
  readonly at: (count: bigint) => bigint;
  readonly counts: (number: bigint) => boolean;
};

const EVERY_ADDRESS: Counting = { below: (number) => number, at: (count) => count, counts: () => true };

/** Of each 256 addresses the first and the last are not counted. */
const WITHOUT_BUGGY: Counting = {
  below: (number) => number - 2n * (number >> 8n) - ((number & 0xffn) > 0n ? 1n : 0n),
  at: (count) => ((count / 254n) << 8n) + (count % 254n) + 1n,
  counts: (number) => {
    const octet = number & 0xffn;
    return octet !== 0n && octet !== 255n;
  },
};

/** The last of the sorted `items` for which `isAtMost` holds. */
const lastWhere = <T>(items: readonly T[], isAtMost: (item: T) => boolean): T | undefined => {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isAtMost(at(items, middle))) low = middle + 1;
    else high = middle;
  }
  return items[low - 1];
};

/** Positions of the addresses of `blocks`, which are of one family and do not overlap. */
export class Positions {
  /** How many positions there are. */
  readonly size: bigint;
  readonly #counting: Counting;
  readonly #byOffset: readonly Placed[];
  readonly #byAddress: readonly Placed[];

  constructor(blocks: readonly AddressBlock[], options: { readonly avoidBuggyIps: boolean }) {
    this.#counting = options.avoidBuggyIps && blocks[0]?.family === "IPv4" ? WITHOUT_BUGGY : EVERY_ADDRESS;
    let offset = 0n;
    const placed: Placed[] = [];
    for (const { first, last } of blocks) {
      const size = this.#counting.below(last + 1n) - this.#counting.below(first);
      // A block of nothing but addresses that are left out has no position.
      if (size > 0n) placed.push({ first, last, offset, size });
      offset += size;
    }
    this.size = offset;
    this.#byOffset = placed;
    this.#byAddress = [...placed].sort((left, right) => (left.first < right.first ? -1 : 1));
  }

  /** The position of an address; `undefined` when it is in no block or left out. */
  of(number: bigint): bigint | undefined {
    const block = lastWhere(this.#byAddress, ({ first }) => first <= number);
    if (block === undefined || number > block.last || !this.#counting.counts(number)) return undefined;
    return block.offset + this.#counting.below(number) - this.#counting.below(block.first);
  }

  /** The address at a position below `size`. */
  at(position: bigint): bigint | undefined {
    const block = lastWhere(this.#byOffset, ({ offset }) => offset <= position);
    if (block === undefined || position >= block.offset + block.size) return undefined;
    return this.#counting.at(this.#counting.below(block.first) + position - block.offset);
  }
}
