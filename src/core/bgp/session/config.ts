/** What a session is to be like, with every default filled in. */
import type { IpFamily, Ipv4Address } from "#base/address";
import type { Duration } from "#base/time";

/** Which autonomous system the peer may be in. */
export type ExpectedAsn =
  | { readonly type: "given"; readonly asn: number }
  /** Ours only. */
  | { readonly type: "internal" }
  /** Any but ours. */
  | { readonly type: "external" };

/** What we ask of a peer that keeps routes. */
export type GracefulRestart = {
  /** 1..4095 s. */
  readonly restartTime: Duration;
  /**
   * Whether routes are to outlive a NOTIFICATION as well (RFC 8538). The hold timer's is one: whoever hears of a dead node by nothing
   * else would keep its routes for the restart time on top of the hold time.
   */
  readonly survivesNotification: boolean;
};

export type SessionConfig = {
  /** Ours, as this peer is told; 1..2^32-1. */
  readonly localAsn: number;
  readonly peerAsn: ExpectedAsn;
  /** BGP Identifier: not 0.0.0.0. */
  readonly routerId: Ipv4Address;
  /** What we offer: 0, or 3 s and more. The smaller of both offers counts (RFC 4271 §4.2). */
  readonly holdTime: Duration;
  /** What we would like; never above a third of the hold time that was agreed on. */
  readonly keepaliveTime: Duration;
  /** Between two attempts to connect, without the jitter. */
  readonly connectRetryTime: Duration;
  /** A passive one only waits for the peer to connect. */
  readonly role: "active" | "passive";
  /** Families whose routes the peer may be told; not empty. */
  readonly families: readonly IpFamily[];
  /** Without it only IPv4 is spoken, without a word of families (RFC 4271 alone). */
  readonly multiprotocol: boolean;
  /** Whether IPv4 routes may have IPv6 next hops (RFC 8950). */
  readonly extendedNextHop: boolean;
  /** How the peer is asked to keep our routes when the session breaks; `undefined`: not at all (RFC 4724). */
  readonly gracefulRestart: GracefulRestart | undefined;
};

/** What came of both OPENs. */
export type Negotiated = {
  readonly peerAsn: number;
  readonly kind: "internal" | "external";
  readonly peerRouterId: Ipv4Address;
  /** 0: neither keepalives nor silence count. */
  readonly holdTime: Duration;
  readonly keepaliveTime: Duration;
  /** Whether AS numbers in paths have four octets. */
  readonly hasFourOctetAsn: boolean;
  /** Families that both speak. */
  readonly families: readonly IpFamily[];
  /** Whether IPv4 routes may have an IPv6 next hop. */
  readonly hasExtendedNextHop: boolean;
  readonly hasRouteRefresh: boolean;
  readonly hasEnhancedRouteRefresh: boolean;
  /** How long the peer keeps our routes without a session; `undefined`: it does not. */
  readonly peerKeepsRoutes: Duration | undefined;
};
