/** What this machine is, as far as it decides about an endpoint. */
import { familyOf, type IpAddress, type IpFamily, isLinkLocal } from "#base/address";

/**
 * This machine: the addresses that an interface has of its own, in the kernel's order, without those that we have bound. None where
 * there is no such interface, or where a configuration is looked at elsewhere.
 */
export type Host = (interfaceName: string) => readonly IpAddress[];

/** Another machine than the one that is to run it. */
export const ELSEWHERE: Host = () => [];

/** Who asks. */
export type Seat = {
  readonly interface: string;
  readonly family: IpFamily;
  /** Addresses that move, and are nobody's own. */
  readonly virtual: ReadonlySet<IpAddress>;
  readonly peers: readonly IpAddress[];
};

/**
 * Our own address among the hosts: the one that `peers` lists, else the interface's first of the family. `undefined` while the
 * interface has none.
 */
export const ownAddress = (host: Host, seat: Seat): IpAddress | undefined => {
  const candidates = host(seat.interface).filter(
    (address) => familyOf(address) === seat.family && !seat.virtual.has(address),
  );
  return (
    candidates.find((address) => seat.peers.includes(address)) ??
    candidates.find((address) => !isLinkLocal(address)) ??
    candidates[0]
  );
};
