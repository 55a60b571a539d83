/** Orders that do not depend on the one in which objects were read. */
import type { AddressPool, IpamConfig } from "./pool.ts";

/** Pools in the order in which they are asked: priority 0 counts as the last. */
export const byRank = (left: AddressPool, right: AddressPool): number => {
  const rank = ({ admission }: AddressPool): number => admission?.priority || Number.POSITIVE_INFINITY;
  if (rank(left) !== rank(right)) return rank(left) < rank(right) ? -1 : 1;
  return left.name < right.name ? -1 : 1;
};

const byText =
  <T>(text: (item: T) => string) =>
  (left: T, right: T): number => {
    const [a, b] = [text(left), text(right)];
    if (a === b) return 0;
    return a < b ? -1 : 1;
  };

/** The same configuration in one order, since a reader of objects learns of them in any. */
export const inOrder = ({ pools, reservations, conflicts }: IpamConfig): IpamConfig => ({
  pools: pools.toSorted(byText(({ name }) => name)),
  reservations: reservations.toSorted(byText(({ name }) => name)),
  conflicts: conflicts.toSorted(byText(({ reportedBy, mac = "" }) => `${reportedBy} ${mac}`)),
});
