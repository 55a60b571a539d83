/** The five messages of BGP as values (RFC 4271 §4, RFC 2918, RFC 7313). */
import type { IpAddress, IpFamily, Ipv4Address } from "#base/address";
import type { InterfaceAddress } from "#base/prefix";
import type { LargeCommunity, NextHop, StandardCommunity } from "../route.ts";

/** An address family as it stands in messages; unicast of either family is what we speak. */
export type FamilyCode = { readonly afi: number; readonly safi: number };

/** What a speaker says that it can do (RFC 5492). Repeated ones are told in their order. */
export type Capability =
  | { readonly type: "multiprotocol"; readonly family: FamilyCode }
  | { readonly type: "route-refresh" }
  /** RFC 8950: routes of the family may have next hops of the other. */
  | {
      readonly type: "extended-next-hop";
      readonly entries: readonly { readonly family: FamilyCode; readonly nextHopAfi: number }[];
    }
  /** RFC 8654, which we do not offer. */
  | { readonly type: "extended-message" }
  | {
      readonly type: "graceful-restart";
      /** Whether the sender has just restarted. */
      readonly isRestarting: boolean;
      /** RFC 8538: routes outlive a NOTIFICATION as well. */
      readonly survivesNotification: boolean;
      /** Seconds, 0..4095. */
      readonly restartTime: number;
      readonly families: readonly { readonly family: FamilyCode; readonly isForwardingPreserved: boolean }[];
    }
  | { readonly type: "four-octet-as"; readonly asn: number }
  | { readonly type: "enhanced-route-refresh" }
  /** Whatever else: left as it is. */
  | { readonly type: "unknown"; readonly code: number; readonly value: Uint8Array };

export type Open = {
  readonly type: "open";
  /** 4, or what the peer speaks. */
  readonly version: number;
  /** The field of two octets: AS_TRANS (23456) where the number has more. The true number is in the capability. */
  readonly asn: number;
  /** Seconds: 0, or 3..65535. */
  readonly holdTime: number;
  readonly routerId: Ipv4Address;
  readonly capabilities: readonly Capability[];
};

export type Notification = {
  readonly type: "notification";
  /** RFC 4271 §4.5. */
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
};

export type Keepalive = { readonly type: "keepalive" };

export type RouteRefresh = {
  readonly type: "route-refresh";
  readonly family: FamilyCode;
  /** RFC 7313 §3.2: what is asked or told. */
  readonly meaning: "request" | "begin" | "end" | "unknown";
};

/** The attributes that we send. */
export type PathAttributes = {
  readonly origin: "igp" | "egp" | "incomplete";
  /** One AS_SEQUENCE; empty towards peers in our own autonomous system. */
  readonly asPath: readonly number[];
  readonly nextHop: NextHop;
  readonly med: number | undefined;
  readonly localPref: number | undefined;
  readonly communities: readonly StandardCommunity[];
  readonly largeCommunities: readonly LargeCommunity[];
  /** Of the number in the field of two octets: AS_TRANS for larger ones. */
  readonly linkBandwidth: { readonly asn: number; readonly bytesPerSecond: number } | undefined;
};

/** An UPDATE that we send: routes of one family that share attributes, or prefixes that are withdrawn. */
export type Update =
  | {
      readonly type: "announce";
      readonly family: IpFamily;
      readonly attributes: PathAttributes;
      /** As many as fit: `encodeUpdates` cuts them. */
      readonly prefixes: readonly InterfaceAddress[];
    }
  | { readonly type: "withdraw"; readonly family: IpFamily; readonly prefixes: readonly InterfaceAddress[] }
  /** RFC 4724 §2. */
  | { readonly type: "end-of-rib"; readonly family: IpFamily };

/** An UPDATE that a peer sent: nothing of it is used, but what is wrong with it is said. */
export type HeardUpdate = {
  readonly type: "update";
  readonly announced: number;
  readonly withdrawn: number;
  /** The family whose end of table this is. */
  readonly endOfRib: FamilyCode | undefined;
  /** Next hops that it names, for diagnosis; IPv4 first. */
  readonly nextHops: readonly IpAddress[];
  /** What RFC 7606 has done to it: routes taken as withdrawn, attributes that were dropped. */
  readonly leniency: readonly {
    readonly action: "treat-as-withdraw" | "attribute-discard";
    readonly attribute: number;
  }[];
};

/** What comes from a peer. */
export type HeardMessage = Open | HeardUpdate | Notification | Keepalive | RouteRefresh;

/** What ends a session: the NOTIFICATION that says what is wrong. */
export type MessageError = Omit<Notification, "type">;
