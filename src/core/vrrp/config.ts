/** What an operator says of one virtual router, checked and with every default filled in. */
import type { IpAddress, IpFamily } from "#base/address";
import type { InterfaceAddress } from "#base/prefix";
import type { Duration } from "#base/time";

declare const vridBrand: unique symbol;

/** Virtual Router Identifier, 1..255 (RFC 9568 §5.2.3). */
export type Vrid = number & { readonly [vridBrand]: true };

/** The number as a Virtual Router Identifier; `undefined` unless it is a whole number in 1..255. */
export const parseVrid = (value: number): Vrid | undefined =>
  Number.isInteger(value) && value >= 1 && value <= 255 ? (value as Vrid) : undefined;

/** An address that follows the Active Router. */
export type VirtualAddress = InterfaceAddress & {
  /** The interface that carries it; `undefined` means the router's own. */
  readonly device?: string;
  /** The IPv4 address label, `DEVICE:TEXT`, at most 15 characters; `undefined` means the device's name. */
  readonly label?: string;
};

/** Where advertisements go: the RFC's multicast group, or a list of peers. */
export type Transport =
  | { readonly type: "multicast" }
  | { readonly type: "unicast"; readonly peers: readonly IpAddress[] };

/**
 * Which bytes the version 3 checksum of an IPv4 advertisement covers: the message alone (RFC 9568 §5.2.8) or also a
 * pseudo-header (how keepalived reads RFC 5798). Both are accepted.
 */
export type ChecksumCoverage = "message" | "pseudo-header";

/** What we send: one coverage, or (`auto`) that of the peer heard last, and a pseudo-header before any was heard. */
export type ChecksumPolicy = ChecksumCoverage | "auto";

/** When and how often the network is told that the addresses have moved here. */
export type GratuitousPolicy = {
  /** Announcements in the burst at takeover, 1..60. */
  readonly repeat: number;
  /** Pause between the announcements of a burst. */
  readonly interval: Duration;
  /** Pause between the burst at takeover and a second burst for switches that were slow; 0 means none. */
  readonly delay: Duration;
  /** Pause between refreshes while active, below the network's MAC ageing time; 0 means none. */
  readonly refresh: Duration;
};

/** A failed subject lowers the priority by `weight` (1..253), or with `fault` takes the router out altogether. */
export type TrackEffect = { readonly type: "weight"; readonly weight: number } | { readonly type: "fault" };

/** Something whose failure counts against this router: an interface without carrier, or a failing check. */
export type Tracked = {
  readonly subject: { readonly kind: "interface" | "check"; readonly name: string };
  readonly effect: TrackEffect;
};

export type VirtualRouterConfig = {
  readonly name: string;
  readonly interface: string;
  readonly vrid: Vrid;
  readonly version: 2 | 3;
  /** The family of the protocol and of every advertised address. Version 2 is IPv4 only. */
  readonly family: IpFamily;
  /** 1..254, or 255 for the owner of the addresses (RFC 9568 §5.2.4). */
  readonly priority: number;
  /** 10 ms..40.95 s in steps of 10 ms (version 3); whole seconds 1..255 (version 2). */
  readonly advertisementInterval: Duration;
  readonly preempt: boolean;
  /** How long a better router waits before it takes over from a worse one that is alive; 0 means not at all. */
  readonly preemptDelay: Duration;
  readonly transport: Transport;
  /** Whether programs on this box get packets to the addresses (RFC 9568 §6.1, Accept_Mode). The owner's always do. */
  readonly acceptMode: boolean;
  /**
   * Name of the interface with the virtual MAC address (RFC 9568 §7.3), which carries all addresses that name no device of
   * their own; `undefined` means that the addresses are on `interface` under its own MAC address.
   */
  readonly virtualMacInterface?: string;
  /** Source of advertisements; `undefined` means the interface's first address of the family. */
  readonly sourceAddress?: IpAddress;
  readonly checksum: ChecksumPolicy;
  /** Version 2 simple-text password, at most 8 characters. It travels in clear and protects nothing. */
  readonly password?: string;
  /** Advertised addresses, all of `family`; at least one, at most 255. */
  readonly addresses: readonly VirtualAddress[];
  /** Addresses of any family that move along without being advertised. */
  readonly unadvertisedAddresses: readonly VirtualAddress[];
  readonly track: readonly Tracked[];
  /** Routers with the same group name change state together; `undefined` means alone. */
  readonly syncGroup?: string;
  readonly gratuitous: GratuitousPolicy;
};

/** Routers with these in common can be changed in place; any other difference is a new router. */
export const routerIdentity = (config: VirtualRouterConfig): string =>
  JSON.stringify([
    config.interface,
    config.family,
    config.vrid,
    config.version,
    config.virtualMacInterface ?? "",
  ]);
