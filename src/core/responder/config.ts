/** What a responder is told: how to behave, which addresses, which links. */
import type { IpAddress } from "#base/address";
import type { MacAddress } from "#base/mac";
import type { InterfaceAddress } from "#base/prefix";
import { type Duration, millis, seconds } from "#base/time";
import type { Link } from "#core/netlink/link";
import type { GratuitousPolicy } from "#core/vrrp/config";

export type ResponderConfig = {
  /** Burst, second burst and refresh of every address. Each refreshes between half of `refresh` and the whole of it. */
  readonly gratuitous: GratuitousPolicy;
  /** Announcements and probes of this node a second; answers are not counted. At least 10. */
  readonly framesPerSecond: number;
  /** Before first use: so many probes, so far apart, and the same time again for the answer to the last (RFC 5227 §2.1.1). */
  readonly probing: { readonly count: number; readonly interval: Duration };
  /** Questions that are read, a second: of all askers together, and of one. */
  readonly questionsPerSecond: { readonly total: number; readonly perSource: number };
  /** Pause between two looks at which links are on one segment, where that matters. */
  readonly segmentInterval: Duration;
  /** Names of interfaces that are left alone unless they are asked for by name. */
  readonly excludedNames: readonly RegExp[];
  /** 32 random bits that tell our own looks at segments from others'. */
  readonly nonce: number;
};

/** The interfaces of containers, tunnels and bridges of other programs. MetalLB leaves out the same ones by default. */
const EXCLUDED_NAMES: readonly RegExp[] = [
  /^(?:docker|cbr|dummy|virbr|lxcbr|veth|lo$|cali|tunl|flannel|kube-ipvs|cni|nodelocaldns|lxc)/,
];

/** Everything but the nonce. */
export const DEFAULTS: Omit<ResponderConfig, "nonce"> = {
  // Two that both hold an address rely on the second one a tenth of a second after the first: docs/decisions/0009.
  gratuitous: { repeat: 3, interval: millis(100), delay: seconds(5), refresh: seconds(100) },
  framesPerSecond: 4_000,
  probing: { count: 3, interval: millis(60) },
  questionsPerSecond: { total: 10_000, perSource: 5_000 },
  segmentInterval: seconds(30),
  excludedNames: EXCLUDED_NAMES,
};

/**
 * What is done for an address: `watching`: nothing but to tell who claims it; `probing`: ask whether anybody has it;
 * `holding`: answer, announce, defend; `yielding`: answer and no more, until the next holder is heard.
 */
export type Stance = "watching" | "probing" | "holding" | "yielding";

/** Where an address may be told of: on every interface that carries its network, or on those with these names. */
export type AllowedInterfaces = "all" | readonly string[];

/** One address of this node. */
export type Assignment = {
  readonly address: IpAddress;
  readonly stance: Stance;
  readonly interfaces: AllowedInterfaces;
  /** Who answers: we do, or the kernel, because the address is bound to an interface. */
  readonly answers: "responder" | "kernel";
};

/** A link of this node, as the kernel tells of it. */
export type NodeLink = {
  readonly link: Link;
  /** Its own addresses, without those that we have bound. */
  readonly addresses: readonly InterfaceAddress[];
  /** Whether it forwards IPv6, so that answers say what the kernel says (RFC 4861 §7.2.5). */
  readonly router: boolean;
};

/** Which MAC address belongs to which node, as far as it is known. */
export type PeerByMac = ReadonlyMap<MacAddress, string>;
