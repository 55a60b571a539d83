/** What is checked of reservations, and what they and conflicts become. */
import { familyOf, type IpAddress } from "#base/address";
import { at } from "#base/assert";
import { error, type Finding, warning } from "#core/config/problem";
import { addressToNumber } from "#core/ipam/block";
import type { AddressBlock, AddressConflict, AddressReservation } from "#core/ipam/pool";
import { objectKey } from "#core/kubernetes/meta";
import { type ObjectProblem, type Placed, problemIn } from "./problem.ts";
import type { ConflictSpec, ReservationSpec } from "./schema-own.ts";
import type { PoolSpec } from "./schema-pool.ts";
import { repeatedNames } from "./selector-rules.ts";

/** What is wrong with a reservation by itself. */
export const reservationFindings = ({ addresses }: ReservationSpec): readonly Finding[] =>
  repeatedNames(["spec", "addresses"], addresses);

/** The reservation that a checked spec describes. */
export const reservationOf = ({ place, spec }: Placed<ReservationSpec>): AddressReservation => ({
  name: place.name,
  addresses: spec.addresses,
  service: spec.service === undefined ? undefined : objectKey(spec.service),
});

/** The conflict that a checked spec describes. */
export const conflictOf = ({ address, mac, reportedBy }: ConflictSpec): AddressConflict => ({
  address,
  mac,
  reportedBy,
});

const byFirst = (left: AddressBlock, right: AddressBlock): number =>
  left.first < right.first ? -1 : Number(left.first > right.first);

/** Tells whether a pool has an address: sorted once, then asked in log n for n blocks that do not overlap. */
const lookup = (pools: readonly Placed<PoolSpec>[]): ((address: IpAddress) => boolean) => {
  const all = pools.flatMap(({ spec }) => spec.addresses.flatMap(({ blocks }) => blocks));
  const blocksOf = {
    IPv4: all.filter(({ family }) => family === "IPv4").sort(byFirst),
    IPv6: all.filter(({ family }) => family === "IPv6").sort(byFirst),
  };
  return (address) => {
    const blocks = blocksOf[familyOf(address)];
    const number = addressToNumber(address);
    let low = 0;
    let high = blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (at(blocks, middle).first <= number) low = middle + 1;
      else high = middle;
    }
    return low > 0 && number <= at(blocks, low - 1).last;
  };
};

/** Addresses that two reservations keep, and, as warnings, those that no pool has; `undefined` when pools are not known. */
export const reservationProblems = (
  reservations: readonly Placed<ReservationSpec>[],
  pools: readonly Placed<PoolSpec>[] | undefined,
): readonly ObjectProblem[] => {
  const holderOf = new Map<string, string>();
  const isInPool = pools === undefined ? () => true : lookup(pools);
  return reservations.flatMap(({ place, spec }) =>
    spec.addresses.flatMap((address, index): readonly ObjectProblem[] => {
      const path = ["spec", "addresses", index];
      const holder = holderOf.get(address);
      if (holder !== undefined && holder !== place.name) {
        const message = `${address} is kept by reservation ${JSON.stringify(holder)} too`;
        return [problemIn(place, error(path, message, "Remove it from one of them."))];
      }
      holderOf.set(address, place.name);
      if (isInPool(address)) return [];
      return [problemIn(place, warning(path, `${address} is in no pool, so nobody could get it anyway`))];
    }),
  );
};
