/** What the doctor looks at. Whatever could not be found out is `undefined`. */
import type { IpAddress } from "#base/address";
import type { InterfaceAddress } from "#base/prefix";
import type { AddressPool } from "#core/ipam/pool";
import type { BgpFacts } from "./bgp-status.ts";
import type { Spread } from "./spread.ts";

/** Kernel settings of one interface, each already combined with that of `all` as the kernel does it. */
export type LinkSettings = {
  /** 0..8: which ARP requests are answered. */
  readonly arpIgnore: number;
  /** 0..2: which source address ARP requests carry. */
  readonly arpAnnounce: number;
  /** 0: off, 1: strict, 2: loose. */
  readonly rpFilter: number;
};

/** One interface of this node. */
export type LinkFacts = {
  readonly name: string;
  /** How the kernel made it (`bridge`, `bond`, `vlan`, ...), or that it is a radio; `undefined` for a plain card. */
  readonly kind: string | undefined;
  readonly isUp: boolean;
  /** Whether it takes part in ARP. */
  readonly speaksArp: boolean;
  readonly addresses: readonly InterfaceAddress[];
  readonly settings: LinkSettings | undefined;
  /** Of a bridge: whether it sends multicast only where somebody asked for it, and whether it asks itself. */
  readonly snooping: { readonly on: boolean; readonly querier: boolean } | undefined;
};

export type KubeProxyFacts = {
  readonly mode: "iptables" | "ipvs" | "nftables";
  /** Of mode `ipvs`: whether it keeps the kernel from answering for Services on every interface. */
  readonly strictArp: boolean;
};

/** A pool by its name and what it holds. */
export type PoolFacts = Pick<AddressPool, "name" | "blocks">;

/** Who announces which pools, by name, and which peers have no node. */
export type RoutingFacts = {
  readonly layer2Pools: ReadonlySet<string>;
  readonly bgpPools: ReadonlySet<string>;
  readonly idlePeers: readonly string[];
};

/** TCP segments that the kernel has dropped since its start because of their signature (RFC 2385). */
export type Md5Drops = { readonly wrong: number; readonly missing: number; readonly unexpected: number };

export type Facts = {
  readonly node: string;
  readonly links: readonly LinkFacts[] | undefined;
  readonly kubeProxy: KubeProxyFacts | "absent" | undefined;
  readonly pools: readonly PoolFacts[] | undefined;
  /** Whether the speaker binds the addresses that it answers for. */
  readonly bindsAddresses: boolean;
  /** Other programs that serve Services of type LoadBalancer here, with how to recognise and remove them. */
  readonly otherBalancers:
    | readonly { readonly name: string; readonly seen: string; readonly remedy: string }[]
    | undefined;
  /** Who has UDP port 3784, if it is not ours. */
  readonly bfdPortTakenBy: string | undefined;
  /** Nodes that should be heard and were never: ready ones, whose speaker has run for a minute. */
  readonly neverHeard: readonly { readonly node: string; readonly address: IpAddress }[] | undefined;
  /** BGP on this node, as its speaker says. */
  readonly bgp: BgpFacts | undefined;
  /** Who has TCP port 179, if it is not ours. */
  readonly bgpPortTakenBy: string | undefined;
  readonly md5Drops: Md5Drops | undefined;
  /** What came of connections that were asked for through a router. */
  readonly spread: Spread | undefined;
  readonly routing: RoutingFacts | undefined;
};
