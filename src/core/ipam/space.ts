/** The addresses of one family in one pool: which are free, which can be shared, how many there are. */
import type { IpFamily } from "#base/address";
import type { Claim } from "./claim.ts";
import { FreeList } from "./free-list.ts";
import { type Holding, isShareable, isUntouched } from "./holding.ts";
import type { Effort } from "./minimum-set.ts";
import type { AddressPool } from "./pool.ts";
import { Positions } from "./positions.ts";
import { Shelves } from "./shelves.ts";

/** Counts of one family in one pool. */
export type FamilyCounts = {
  /** Addresses that the pool has, without those that it leaves out. */
  readonly total: bigint;
  /** Addresses that at least one Service holds. */
  readonly assigned: bigint;
  /** Addresses that nobody holds, but that not every Service could get: reserved, in conflict, being released. */
  readonly withheld: bigint;
  /** The rest. */
  readonly available: bigint;
};

const LARGEST = 2n ** 63n - 1n;
/** From here on a block counts as inexhaustible, as MetalLB has it. */
const INEXHAUSTIBLE = 2n ** 62n;

export class Space {
  readonly pool: AddressPool;
  readonly family: IpFamily;
  readonly positions: Positions;
  readonly #free: FreeList;
  readonly #shelves: Shelves;
  /** Those that others may join, by position. */
  readonly #shareable = new Map<bigint, Holding>();
  #touched = 0;
  #assigned = 0;

  constructor(pool: AddressPool, family: IpFamily, effort: Effort) {
    this.pool = pool;
    this.family = family;
    const blocks = pool.blocks.filter((block) => block.family === family);
    this.positions = new Positions(blocks, pool);
    this.#free = new FreeList(this.positions.size, effort);
    this.#shelves = new Shelves(effort);
  }

  /** Takes note of a holding as it is now; `withdraw` must have been called before it was changed. */
  place(holding: Holding): void {
    if (isUntouched(holding)) return;
    this.#touched += 1;
    this.#free.take(holding.position);
    if (holding.holders.size > 0) this.#assigned += 1;
    if (!isShareable(holding)) return;
    this.#shareable.set(holding.position, holding);
    this.#shelves.add(holding);
  }

  /** Forgets a holding, which has not changed since it was placed. */
  withdraw(holding: Holding): void {
    if (isUntouched(holding)) return;
    this.#touched -= 1;
    this.#free.release(holding.position);
    if (holding.holders.size > 0) this.#assigned -= 1;
    if (!isShareable(holding)) return;
    this.#shareable.delete(holding.position);
    this.#shelves.remove(holding);
  }

  /** The first address, in the order of the pool, that is free or that the claim may share. */
  first(claim: Claim): bigint | undefined {
    const free = this.#free.first();
    const shared =
      claim.sharingKey === ""
        ? undefined
        : this.#shelves.first(claim, (position) => this.#shareable.get(position));
    const position = shared === undefined || (free !== undefined && free < shared) ? free : shared;
    return position === undefined ? undefined : this.positions.at(position);
  }

  counts(): FamilyCounts {
    const isHuge = this.pool.blocks.some(
      ({ family, first, last }) => family === this.family && last - first + 1n >= INEXHAUSTIBLE,
    );
    const { size } = this.positions;
    const total = isHuge || size > LARGEST ? LARGEST : size;
    const assigned = BigInt(this.#assigned);
    const withheld = BigInt(this.#touched) - assigned;
    return { total, assigned, withheld, available: total - assigned - withheld };
  }
}
