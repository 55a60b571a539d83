/** What a router is told: where a prefix leads, and with which attributes. */
import type { IpAddress } from "#base/address";

/** Four octets, in which 16 bits each are meant (RFC 1997), as one number. */
export type StandardCommunity = number;

/** Three numbers of 32 bits (RFC 8092 §3). */
export type LargeCommunity = {
  readonly administrator: number;
  readonly first: number;
  readonly second: number;
};

/** What is said of a route besides its next hop and its path, which follow from the session. */
export type RouteAttributes = {
  /** LOCAL_PREF, 32 bits: to peers in our own autonomous system only (RFC 4271 §5.1.5). */
  readonly localPref: number;
  /** MULTI_EXIT_DISC, 32 bits; `undefined`: not sent (RFC 4271 §5.1.4). */
  readonly med: number | undefined;
  /** In rising order, without repetition. */
  readonly communities: readonly StandardCommunity[];
  /** In rising order, without repetition. */
  readonly largeCommunities: readonly LargeCommunity[];
  /** Bytes a second for the link bandwidth extended community, by which routers weigh next hops; `undefined`: not sent. */
  readonly linkBandwidth: number | undefined;
};

/** Where a peer is to send packets for the routes of one family. */
export type NextHop = {
  readonly address: IpAddress;
  /** Of the shared link, beside a global IPv6 address (RFC 2545 §3). */
  readonly linkLocal: IpAddress | undefined;
};
