/** Who holds which address. */
import { familyOf, type IpAddress, type IpFamily } from "#base/address";
import { assert, at } from "#base/assert";
import type { ObjectKey } from "#core/kubernetes/meta";
import { addressToNumber, numberToAddress } from "./block.ts";
import { type Claim, sameTerms } from "./claim.ts";
import {
  type AddressRefusal,
  addHolder,
  emptyHolding,
  exclusion,
  type Holding,
  isUntouched,
  removeHolder,
  setLeavingAt,
  sharingRefusal,
} from "./holding.ts";
import type { Effort } from "./minimum-set.ts";
import { byRank, inOrder } from "./order.ts";
import type { AddressConflict, AddressPool, AddressReservation, IpamConfig } from "./pool.ts";
import { type FamilyCounts, Space } from "./space.ts";

/** Counts of one pool. */
export type PoolCounts = {
  readonly pool: string;
  readonly ipv4: FamilyCounts;
  readonly ipv6: FamilyCounts;
};

/** An address that somebody holds. */
export type AddressHolders = {
  readonly address: IpAddress;
  readonly pool: string;
  readonly services: readonly ObjectKey[];
  /** `""` when it is not shared with others. */
  readonly sharingKey: string;
};

/** An address about which something changed. */
export type Touched = {
  readonly address: IpAddress;
  readonly pool: string;
  /** Whether it may have become easier to get, for those who wait for an address of its pool. */
  readonly isFreed: boolean;
};

type Range = { readonly first: bigint; readonly last: bigint; readonly space: Space };

const sameList = (left: readonly string[], right: readonly string[]): boolean =>
  left.length === right.length && left.every((item, index) => item === right[index]);

/**
 * The ledger of one configuration. An address is held on the terms of a claim; it can also be on its way out of a Service
 * (its status still lists it), which keeps it from newcomers but not from those who hold it already.
 */
export class Ledger {
  /** As given, in an order that does not depend on the one in which it was given. */
  readonly config: IpamConfig;
  /** Pools that give addresses by themselves to those whom they admit: by priority (0 last), then by name. */
  readonly pinned: readonly AddressPool[];
  /** Pools that give addresses by themselves to everybody, by name. */
  readonly automatic: readonly AddressPool[];
  readonly #effort: Effort;
  readonly #reserved = new Map<ObjectKey, IpAddress[]>();
  readonly #spaces = new Map<string, { readonly IPv4: Space; readonly IPv6: Space }>();
  /** Ranges of both families, by first address. */
  readonly #ranges: Readonly<Record<IpFamily, Range[]>> = { IPv4: [], IPv6: [] };
  readonly #holdings = new Map<IpAddress, Holding>();
  readonly #held = new Map<ObjectKey, { readonly claim: Claim; readonly addresses: readonly IpAddress[] }>();
  readonly #leaving = new Map<ObjectKey, readonly IpAddress[]>();
  #touched: Touched[] = [];

  constructor(config: IpamConfig, effort: Effort = { steps: 0 }) {
    this.config = inOrder(config);
    this.#effort = effort;
    const giving = config.pools.filter(({ autoAssign }) => autoAssign).sort(byRank);
    this.pinned = giving.filter(({ admission }) => admission !== undefined);
    this.automatic = giving.filter(({ admission }) => admission === undefined);
    for (const pool of this.config.pools) this.#addPool(pool);
    for (const family of ["IPv4", "IPv6"] as const)
      this.#ranges[family].sort((left, right) => (left.first < right.first ? -1 : 1));
    for (const reservation of this.config.reservations) this.#addReservation(reservation);
    for (const conflict of this.config.conflicts)
      this.#change(conflict.address, "taken", (holding) => {
        holding.conflict ??= conflict;
      });
    this.#touched = [];
  }

  #addPool(pool: AddressPool): void {
    const spaces = {
      IPv4: new Space(pool, "IPv4", this.#effort),
      IPv6: new Space(pool, "IPv6", this.#effort),
    };
    this.#spaces.set(pool.name, spaces);
    for (const { family, first, last } of pool.blocks)
      this.#ranges[family].push({ first, last, space: spaces[family] });
  }

  #addReservation(reservation: AddressReservation): void {
    for (const address of reservation.addresses)
      this.#change(address, "taken", (holding) => {
        holding.reservation ??= reservation;
      });
    if (reservation.service === undefined) return;
    const reserved = this.#reserved.get(reservation.service) ?? [];
    reserved.push(...reservation.addresses);
    this.#reserved.set(reservation.service, reserved);
  }

  /** Where an address is; `undefined` when it is in no pool or left out. */
  #locate(address: IpAddress): Pick<Holding, "address" | "space" | "position"> | undefined {
    const number = addressToNumber(address);
    const ranges = this.#ranges[familyOf(address)];
    let low = 0;
    let high = ranges.length;
    while (low < high) {
      this.#effort.steps += 1;
      const middle = (low + high) >>> 1;
      if (at(ranges, middle).first <= number) low = middle + 1;
      else high = middle;
    }
    const space = ranges[low - 1]?.space;
    const position = space?.positions.of(number);
    return space === undefined || position === undefined ? undefined : { address, space, position };
  }

  /** Changes a holding and keeps the indexes in step; does nothing for an address in no pool. */
  #change(address: IpAddress, effect: "freed" | "taken", change: (holding: Holding) => void): void {
    const known = this.#holdings.get(address);
    const place = known ?? this.#locate(address);
    if (place === undefined) return;
    const holding = known ?? emptyHolding(place);
    holding.space.withdraw(holding);
    change(holding);
    holding.space.place(holding);
    if (isUntouched(holding)) this.#holdings.delete(address);
    else this.#holdings.set(address, holding);
    this.#touched.push({ address, pool: holding.space.pool.name, isFreed: effect === "freed" });
  }

  /** The pool that an address is in; `undefined` when it is in none or left out of its pool. */
  poolOf(address: IpAddress): AddressPool | undefined {
    return (this.#holdings.get(address) ?? this.#locate(address))?.space.pool;
  }

  /** The pool of this name. */
  pool(name: string): AddressPool | undefined {
    return this.#spaces.get(name)?.IPv4.pool;
  }

  /**
   * Why a claim may not have an address; `undefined` when it may. `keep` is for an address that the Service has already:
   * then reservations, conflicts and addresses on their way out do not matter.
   */
  refusal(address: IpAddress, claim: Claim, purpose: "give" | "keep"): AddressRefusal | undefined {
    const holding = this.#holdings.get(address);
    if (holding === undefined)
      return this.#locate(address) === undefined ? { reason: "outside-pools" } : undefined;
    const held = sharingRefusal(holding, claim);
    if (held !== undefined || purpose === "keep") return held;
    return exclusion(holding, claim.service);
  }

  /** The addresses that reservations keep for a Service, in the order in which they were written. */
  reservedFor(service: ObjectKey): readonly IpAddress[] {
    return this.#reserved.get(service) ?? [];
  }

  /** The conflict reported for an address. */
  conflictAt(address: IpAddress): AddressConflict | undefined {
    return this.#holdings.get(address)?.conflict;
  }

  /**
   * The first address of a family in a pool that is free or that the claim may share. Addresses of the family that the
   * Service holds already are not looked for.
   */
  first(pool: string, family: IpFamily, claim: Claim): IpAddress | undefined {
    const number = this.#spaces.get(pool)?.[family].first(claim);
    return number === undefined ? undefined : numberToAddress(family, number);
  }

  /** Whether a pool has addresses of a family at all. */
  hasFamily(pool: string, family: IpFamily): boolean {
    return (this.#spaces.get(pool)?.[family].positions.size ?? 0n) > 0n;
  }

  /** What a Service holds, in the order in which it was assigned. */
  addressesOf(service: ObjectKey): readonly IpAddress[] {
    return this.#held.get(service)?.addresses ?? [];
  }

  /** Makes a Service hold exactly these addresses, which `refusal` must allow it. */
  assign(claim: Claim, addresses: readonly IpAddress[]): void {
    const held = this.#held.get(claim.service);
    if (held !== undefined && sameTerms(held.claim, claim) && sameList(held.addresses, addresses)) return;
    this.release(claim.service);
    for (const address of addresses) {
      const problem = this.refusal(address, claim, "keep");
      assert(problem === undefined, "an address is given against the rule", { claim, address, problem });
      this.#change(address, "taken", (holding) => addHolder(holding, claim));
    }
    if (addresses.length > 0) this.#held.set(claim.service, { claim, addresses });
  }

  /** Makes a Service hold nothing. */
  release(service: ObjectKey): void {
    const held = this.#held.get(service);
    if (held === undefined) return;
    this.#held.delete(service);
    for (const address of held.addresses)
      this.#change(address, "freed", (holding) => removeHolder(holding, service));
  }

  /** Says which addresses the status of a Service still lists although it does not hold them; replaces what was said before. */
  setLeaving(service: ObjectKey, addresses: readonly IpAddress[]): void {
    const before = this.#leaving.get(service) ?? [];
    if (sameList(before, addresses)) return;
    for (const address of before) {
      if (addresses.includes(address)) continue;
      this.#change(address, "freed", (holding) => setLeavingAt(holding, service, false));
    }
    for (const address of addresses)
      this.#change(address, "taken", (holding) => setLeavingAt(holding, service, true));
    if (addresses.length === 0) this.#leaving.delete(service);
    else this.#leaving.set(service, addresses);
  }

  /** The addresses about which something changed since the last call, each time it did. */
  drainTouched(): readonly Touched[] {
    const touched = this.#touched;
    if (touched.length > 0) this.#touched = [];
    return touched;
  }

  /** Counts of each pool, by name. */
  counts(): readonly PoolCounts[] {
    return [...this.#spaces]
      .map(([pool, { IPv4, IPv6 }]) => ({ pool, ipv4: IPv4.counts(), ipv6: IPv6.counts() }))
      .sort((left, right) => (left.pool < right.pool ? -1 : 1));
  }

  /** How many Services hold an address. */
  get holderCount(): number {
    return this.#held.size;
  }

  /** How many Services hold an address of each pool, by its name; a pool of which nobody does is left out. */
  holderCounts(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { addresses } of this.#held.values())
      for (const pool of new Set(addresses.map((address) => this.poolOf(address)?.name ?? "")))
        counts.set(pool, (counts.get(pool) ?? 0) + 1);
    return counts;
  }

  /** The addresses that Services hold, IPv4 first, ascending. */
  holders(): readonly AddressHolders[] {
    const held = [...this.#holdings.values()].filter(({ holders }) => holders.size > 0);
    const numbered = held.map((holding) => ({ holding, number: addressToNumber(holding.address) }));
    numbered.sort((left, right) => {
      const { family } = left.holding.space;
      if (family !== right.holding.space.family) return family === "IPv4" ? -1 : 1;
      return left.number < right.number ? -1 : 1;
    });
    return numbered.map(({ holding: { address, space, holders, sharingKey } }) => ({
      address,
      pool: space.pool.name,
      services: holders.services(),
      sharingKey,
    }));
  }
}
