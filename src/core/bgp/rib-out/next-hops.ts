/** Where a peer is to send packets: next hops of both families, from the session that it hears of them by. */
import {
  addressBytes,
  familyOf,
  type IpAddress,
  type IpFamily,
  isLinkLocal,
  isMulticast,
} from "#base/address";
import type { NextHop } from "../route.ts";

/** For each family; `undefined`: there is none, and routes of the family cannot be announced. */
export type NextHops = Readonly<Record<IpFamily, NextHop | undefined>>;

/** Whether packets go to the same place. */
export const isSameNextHop = (left: NextHop | undefined, right: NextHop | undefined): boolean =>
  left?.address === right?.address && left?.linkLocal === right?.linkLocal;

/** What next hops are made of. */
export type NextHopSource = {
  /** Our end of the session. */
  readonly local: IpAddress;
  /**
   * Addresses of the interface that the session runs over, as they are listed there. None of those that move between machines:
   * such an address is no place to send packets to when it has moved.
   */
  readonly linkAddresses: readonly IpAddress[];
  /** Whether IPv4 routes may have an IPv6 next hop (RFC 8950). */
  readonly hasExtendedNextHop: boolean;
};

/** Whether other machines can send to an address without knowing the link that is meant. */
const isReachable = (address: IpAddress): boolean => {
  if (isMulticast(address) || isLinkLocal(address)) return false;
  const bytes = addressBytes(address);
  if (bytes.length === 4) return bytes[0] !== 0 && bytes[0] !== 127;
  // ::/32 has the unspecified address, loopback and IPv4 in IPv6 spelling, and nothing that is assigned.
  return bytes.subarray(0, 4).some((byte) => byte !== 0);
};

const onLink = ({ linkAddresses }: NextHopSource, family: IpFamily): NextHop | undefined => {
  const address = linkAddresses.find((each) => familyOf(each) === family && isReachable(each));
  return address === undefined ? undefined : { address, linkLocal: undefined };
};

/** Over a link-local session, the peer is told both addresses if there are two (RFC 2545 §3). */
const ownEnd = (source: NextHopSource): NextHop => {
  const { local } = source;
  if (!isLinkLocal(local)) return { address: local, linkLocal: undefined };
  const global = onLink(source, "IPv6");
  return global === undefined
    ? { address: local, linkLocal: undefined }
    : { address: global.address, linkLocal: local };
};

/**
 * The next hops of a session. Routes of its own family lead to our end of it. Those of the other family lead to the interface's
 * address of that family; IPv4 routes also to our IPv6 end, where both sides can do that.
 */
export const nextHopsOf = (source: NextHopSource): NextHops => {
  const own = ownEnd(source);
  if (familyOf(source.local) === "IPv4") return { IPv4: own, IPv6: onLink(source, "IPv6") };
  return { IPv4: source.hasExtendedNextHop ? own : onLink(source, "IPv4"), IPv6: own };
};
