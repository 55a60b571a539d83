/**
 * What a BGP speaker is told to do: with whom it talks, and what they are to know.
 *
 * Plain values that survive JSON: they come from another process or from disk.
 */
import type { IpAddress, IpFamily, Ipv4Address } from "#base/address";
import type { InterfaceAddress } from "#base/prefix";
import type { Duration } from "#base/time";
import type { RouteAttributes } from "./route.ts";
import type { ExpectedAsn } from "./session/config.ts";

/** BFD beside the session; both as a BFDProfile has them. */
export type BfdWord = {
  readonly receiveInterval: Duration;
  readonly transmitInterval: Duration;
  readonly detectMultiplier: number;
  readonly echo: { readonly interval: Duration } | undefined;
  readonly role: "active" | "passive";
  /** 1..254: packets of sessions over several hops that have less are dropped. */
  readonly minimumTtl: number;
};

/** A router that this machine talks to. */
export type PeerWord = {
  /** Of its BGPPeer. */
  readonly name: string;
  readonly neighbor:
    | { readonly type: "address"; readonly address: IpAddress }
    /** Whoever is at the other end of this link, found by its router advertisements (RFC 5549 as routers practise it). */
    | { readonly type: "interface"; readonly name: string };
  /** 1..65535. */
  readonly port: number;
  readonly localAsn: number;
  /** What `localAsn` hides: it is not put into the path (no-prepend, replace-as). `undefined` where nothing is hidden. */
  readonly hiddenAsn: number | undefined;
  readonly peerAsn: ExpectedAsn;
  readonly routerId: Ipv4Address;
  /** `undefined`: the kernel chooses. */
  readonly sourceAddress: IpAddress | undefined;
  /** The device of a VRF that the session runs in. */
  readonly vrf: string | undefined;
  readonly holdTime: Duration;
  readonly keepaliveTime: Duration;
  readonly connectRetryTime: Duration;
  readonly role: "active" | "passive";
  /** TCP MD5 (RFC 2385); 1..80 octets. */
  readonly password: string | undefined;
  /** Whether the peer may be more than one hop away; if not, packets that were forwarded are dropped (RFC 5082), where it is asked for. */
  readonly multihop: boolean;
  /** Generalized TTL security: both sides send with 255, and drop what comes with less. */
  readonly ttlSecurity: boolean;
  readonly families: readonly IpFamily[];
  readonly multiprotocol: boolean;
  readonly gracefulRestart: { readonly restartTime: Duration } | undefined;
  readonly bfd: BfdWord | undefined;
  /** Routes beyond so many are not announced, and that is said. */
  readonly mostRoutes: number;
};

/** A prefix that this machine announces. */
export type RouteWord = {
  readonly prefix: InterfaceAddress;
  /** To these peers, by name, with what each is told. */
  readonly targets: readonly { readonly peers: readonly string[]; readonly attributes: RouteAttributes }[];
};

/** All that there is about the speaker itself. */
export type BgpSettings = {
  /** `undefined`: connect only, and listen to nobody. */
  readonly listen: { readonly port: number } | undefined;
  /** How long routes are announced as going before they are withdrawn (RFC 8326). */
  readonly drainTime: Duration;
};
