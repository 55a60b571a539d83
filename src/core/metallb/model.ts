/** A configuration as the rest of the program sees it: checked, resolved, in order of names. */
import type { IpAddress } from "#base/address";
import type { Duration } from "#base/time";
import type { AddressConflict, AddressPool, AddressReservation } from "#core/ipam/pool";
import type { TextMap } from "#core/kubernetes/meta";
import type { LabelSelector } from "#core/kubernetes/selector";
import type { Community } from "./community.ts";

/** What both kinds of advertisements say. */
type Advertised = {
  readonly name: string;
  /** Names of the pools that are meant; those that exist. */
  readonly pools: ReadonlySet<string>;
  /** One must match a node; none means all nodes. */
  readonly nodeSelectors: readonly LabelSelector[];
  /** One must match a Service; none means all Services. */
  readonly serviceSelectors: readonly LabelSelector[];
};

/** Addresses that are answered for on the local network. */
export type L2Advertisement = Advertised & {
  /** By name; `undefined` means all. */
  readonly interfaces: readonly string[] | undefined;
  readonly preferredNodes: readonly { readonly weight: number; readonly selector: LabelSelector }[];
};

/** Addresses that routers are told of. */
export type BgpAdvertisement = Advertised & {
  /** 1..32. */
  readonly aggregationLength: number;
  /** 0..128. */
  readonly aggregationLengthV6: number;
  /** 32 bits; for peers in the own autonomous system. */
  readonly localPref: number;
  /** Without repetition. */
  readonly communities: readonly Community[];
  /** By name; `undefined` means all. */
  readonly peers: ReadonlySet<string> | undefined;
};

/** A router to open sessions with. */
export type BgpPeer = {
  readonly name: string;
  /** 1..2^32-1. */
  readonly myAsn: number;
  /** The peer's number, or whether any number may be the own one only, or any but that. */
  readonly peerAsn:
    | { readonly type: "given"; readonly asn: number }
    | { readonly type: "internal" }
    | { readonly type: "external" };
  /** What the peer is told instead of `myAsn`. */
  readonly localAsn: number | undefined;
  readonly neighbor:
    | { readonly type: "address"; readonly address: IpAddress }
    | { readonly type: "interface"; readonly name: string };
  readonly port: number;
  readonly sourceAddress: IpAddress | undefined;
  readonly routerId: IpAddress | undefined;
  readonly vrf: string | undefined;
  /** Both are given or neither is; a hold time below a second counts as 0, which switches both off. */
  readonly timers: { readonly hold: Duration; readonly keepalive: Duration } | undefined;
  readonly connectTime: Duration | undefined;
  /** One must match a node; none means all nodes. */
  readonly nodeSelectors: readonly LabelSelector[];
  readonly authentication:
    | { readonly type: "none" }
    | { readonly type: "password"; readonly password: string }
    /** The Secret lies in the namespace of the resource; `namespace` is another one that was named. */
    | { readonly type: "secret"; readonly name: string; readonly namespace: string | undefined };
  /** Name of a profile that exists. */
  readonly bfdProfile: string | undefined;
  readonly ebgpMultiHop: boolean;
  readonly enableGracefulRestart: boolean;
  readonly disableMp: boolean;
  readonly dualStackAddressFamily: boolean;
  /** Those of ours, by name: what the kind has no field for. They are checked where they are used. */
  readonly annotations: TextMap;
};

/** Settings of BFD. */
export type BfdProfile = {
  readonly name: string;
  readonly receiveInterval: Duration;
  readonly transmitInterval: Duration;
  readonly detectMultiplier: number;
  readonly echoInterval: Duration;
  readonly echoMode: boolean;
  readonly passiveMode: boolean;
  readonly minimumTtl: number;
};

/** All that is configured. Lists are in the order of their names, whatever order the objects came in. */
export type Configuration = {
  readonly pools: readonly AddressPool[];
  readonly reservations: readonly AddressReservation[];
  readonly conflicts: readonly AddressConflict[];
  readonly l2Advertisements: readonly L2Advertisement[];
  readonly bgpAdvertisements: readonly BgpAdvertisement[];
  readonly peers: readonly BgpPeer[];
  readonly bfdProfiles: readonly BfdProfile[];
  /** By the names that BGPAdvertisements may use. */
  readonly communities: ReadonlyMap<string, Community>;
};
