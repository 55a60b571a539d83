/** Which pool addresses are in. */
import { familyOf, type IpAddress, type IpFamily } from "#base/address";
import { addressToNumber } from "./block.ts";
import type { AddressBlock, AddressPool } from "./pool.ts";

type Placed = AddressBlock & { readonly pool: string };

const blocksOf = (pools: readonly AddressPool[], family: IpFamily): readonly Placed[] =>
  pools
    .flatMap(({ name, blocks }) => blocks.map((block) => ({ ...block, pool: name })))
    .filter((block) => block.family === family)
    .sort((left, right) => (left.first < right.first ? -1 : 1));

/** Pools by address. They do not overlap. */
export class PoolIndex {
  readonly #blocks: Readonly<Record<IpFamily, readonly Placed[]>>;

  constructor(pools: readonly AddressPool[]) {
    this.#blocks = { IPv4: blocksOf(pools, "IPv4"), IPv6: blocksOf(pools, "IPv6") };
  }

  /** The pool of an address, whether or not it would give it away; `undefined` if there is none. */
  of(address: IpAddress): string | undefined {
    const blocks = this.#blocks[familyOf(address)];
    const number = addressToNumber(address);
    let low = 0;
    let high = blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((blocks[middle]?.first ?? 0n) <= number) low = middle + 1;
      else high = middle;
    }
    const block = blocks[low - 1];
    return block !== undefined && number <= block.last ? block.pool : undefined;
  }

  /** The one pool that holds all the addresses; `undefined` if there is none. */
  ofAll(addresses: readonly IpAddress[]): string | undefined {
    const [first] = addresses;
    const pool = first === undefined ? undefined : this.of(first);
    return addresses.every((address) => this.of(address) === pool) ? pool : undefined;
  }
}
