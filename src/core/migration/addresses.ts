/** Arithmetic on blocks of addresses, for pools that count them otherwise than MetalLB. */
import type { IpFamily } from "#base/address";
import { at } from "#base/assert";
import { holds, parseBlocks, sizeOf } from "#core/ipam/block";
import type { AddressBlock } from "#core/ipam/pool";

const WORDS = {
  "not-an-address": "is no address, prefix or range",
  "missing-length": "has no prefix length; a single address is written with /32 or /128",
  "length-out-of-range": "has a prefix length out of range",
  "families-differ": "begins in one family and ends in the other",
  backwards: "ends before it begins",
  "mapped-address": "is an IPv4 address in IPv6 spelling",
} as const;

/** The blocks that a text stands for, or why it stands for none. */
export const readBlocks = (text: string): readonly AddressBlock[] | string => {
  const parsed = parseBlocks(text.trim());
  return parsed.ok ? parsed.blocks : WORDS[parsed.reason];
};

const byFirst = (left: AddressBlock, right: AddressBlock): number => {
  if (left.family !== right.family) return left.family === "IPv4" ? -1 : 1;
  return left.first < right.first ? -1 : left.first > right.first ? 1 : 0;
};

/** The same addresses, IPv4 first and each family ascending, in as few blocks as can be. */
export const union = (blocks: readonly AddressBlock[]): readonly AddressBlock[] => {
  const merged: AddressBlock[] = [];
  for (const block of blocks.toSorted(byFirst)) {
    const before = merged.at(-1);
    if (before === undefined || before.family !== block.family || block.first > before.last + 1n) {
      merged.push(block);
    } else if (block.last > before.last) merged[merged.length - 1] = { ...before, last: block.last };
  }
  return merged;
};

/** Which addresses are taken, and by whom; looks one up in time that hardly grows. */
export class Taken {
  readonly #taken: Record<IpFamily, { readonly block: AddressBlock; readonly by: string }[]> = {
    IPv4: [],
    IPv6: [],
  };

  /** Where in the list the first block stands that ends at or behind a number. */
  #indexOf(family: IpFamily, number: bigint): number {
    const list = this.#taken[family];
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (at(list, middle).block.last < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Who has an address of the block; `undefined` when nobody has. */
  ownerOf(block: AddressBlock): string | undefined {
    const found = this.#taken[block.family][this.#indexOf(block.family, block.first)];
    return found !== undefined && found.block.first <= block.last ? found.by : undefined;
  }

  /** What of the block nobody has, and who has the rest. */
  freeOf(block: AddressBlock): {
    readonly free: readonly AddressBlock[];
    readonly owners: readonly string[];
  } {
    const list = this.#taken[block.family];
    const free: AddressBlock[] = [];
    const owners: string[] = [];
    let { first } = block;
    for (let index = this.#indexOf(block.family, first); index < list.length; index += 1) {
      const { block: taken, by } = at(list, index);
      if (taken.first > block.last) break;
      if (taken.first > first) free.push({ ...block, first, last: taken.first - 1n });
      owners.push(by);
      first = taken.last + 1n;
    }
    if (first <= block.last) free.push({ ...block, first });
    return { free, owners };
  }

  /** Takes a block of which nobody has an address. */
  add(block: AddressBlock, by: string): void {
    this.#taken[block.family].splice(this.#indexOf(block.family, block.first), 0, { block, by });
  }
}

const bitsOf = ({ family }: AddressBlock): bigint => (family === "IPv4" ? 32n : 128n);

/** The prefixes that a block is made of, ascending; at most twice as many as an address has bits. */
export const prefixesOf = (block: AddressBlock): readonly AddressBlock[] => {
  const prefixes: AddressBlock[] = [];
  let { first } = block;
  while (first <= block.last) {
    let size = first === 0n ? 1n << bitsOf(block) : first & -first;
    while (first + size - 1n > block.last) size >>= 1n;
    prefixes.push({ ...block, first, last: first + size - 1n });
    first += size;
  }
  return prefixes;
};

/** A prefix without its first and last address; as it is where it has no more than two. */
export const withoutEnds = (prefix: AddressBlock): AddressBlock =>
  sizeOf(prefix) <= 2n ? prefix : { ...prefix, first: prefix.first + 1n, last: prefix.last - 1n };

/** Whether an IPv4 address that ends in .0 or .255 is among them. */
export const hasBuggyAddress = (blocks: readonly AddressBlock[]): boolean =>
  blocks.some((block) => {
    if (block.family !== "IPv4") return false;
    if (sizeOf(block) >= 256n) return true;
    const zero = block.last & ~255n;
    return holds(block, zero) || holds(block, block.first | 255n);
  });
