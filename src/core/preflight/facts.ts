/** What a preflight looks at. Whatever could not be found out is `undefined`. */
import type { IpAddress, IpFamily } from "#base/address";
import type { MacAddress } from "#base/mac";
import type { InterfaceAddress } from "#base/prefix";
import type { Answer } from "#core/input-filter/walk";

/** What is to run here. */
export type Wanted = {
  readonly addresses: readonly InterfaceAddress[];
  readonly interface: string;
  /** All control-plane hosts, or all others; empty: they find each other by multicast. */
  readonly peers: readonly IpAddress[];
  readonly vrid: number;
  /** `undefined`: by the hosts' addresses. */
  readonly priority: number | undefined;
  readonly port: number;
  readonly caFile: string | undefined;
  readonly balance: boolean;
};

export type LinkFacts = {
  readonly name: string;
  /** How the kernel made it, or that it is a radio. */
  readonly kind: string | undefined;
  readonly isUp: boolean;
  readonly hasCarrier: boolean;
  /** The bridge or bond that has its packets. */
  readonly master: string | undefined;
  readonly speaksArp: boolean;
  /** Without those that we have bound ourselves. */
  readonly addresses: readonly InterfaceAddress[];
  /** Kernel settings, each combined with that of `all` as the kernel does it. */
  readonly settings: { readonly arpIgnore: number; readonly ipv6Disabled: boolean } | undefined;
};

/** One of the addresses on this machine already. */
export type Bound = { readonly address: IpAddress; readonly link: string; readonly isOurs: boolean };

/** Another machine that says that it has one of the addresses. */
export type Claim = {
  readonly address: IpAddress;
  readonly mac: MacAddress;
  /** What else is known to be at that MAC address. */
  readonly others: readonly IpAddress[];
};

/** Advertisements of one router, heard below this machine's firewall. */
export type Heard = {
  readonly family: IpFamily;
  readonly vrid: number;
  readonly version: number;
  readonly priority: number;
  readonly source: IpAddress;
  readonly mac: MacAddress;
  readonly addresses: readonly IpAddress[];
  /** Whether they came up to programs as well. */
  readonly delivered: boolean;
};

/** What this machine's firewall would do. */
export type FirewallFacts = {
  readonly vrrp: readonly {
    readonly family: IpFamily;
    readonly source: IpAddress;
    readonly answer: Answer;
  }[];
  readonly api: readonly { readonly family: IpFamily; readonly answer: Answer }[];
  /** With `--balance`: connections that go on to an API server of another host. */
  readonly through: readonly { readonly family: IpFamily; readonly answer: Answer }[];
  /** Who writes the rules, where that can be told. */
  readonly manager: "ufw" | "firewalld" | undefined;
};

/** Who waits for connections to the API server's port. */
export type Listener = {
  readonly program: string;
  readonly words: readonly string[];
  /** Where: `0.0.0.0` and `::` are everywhere. */
  readonly addresses: readonly IpAddress[];
};

/** What the API server of this machine answers to the check. */
export type CheckFacts = { readonly ok: boolean; readonly detail: string; readonly asked: string };

/** Another program that holds addresses. */
export type ProgramFacts = {
  readonly name: "keepalived" | "kube-vip";
  /** How it was recognised: `process 123`, or a file. */
  readonly seen: string;
};

/** The file with the cluster's authority. */
export type CaFacts =
  | { readonly state: "readable" }
  | { readonly state: "absent" }
  | { readonly state: "no-certificate" }
  /** The service's user cannot come to it: what is closed on the way. */
  | { readonly state: "closed"; readonly at: string }
  | { readonly state: "expired"; readonly until: string };

export type Facts = {
  readonly wanted: Wanted;
  readonly links: readonly LinkFacts[] | undefined;
  readonly bound: readonly Bound[] | undefined;
  readonly claims: readonly Claim[] | undefined;
  /** Peers on this link that do not answer when they are asked for. */
  readonly silentPeers: readonly IpAddress[] | undefined;
  readonly heard: readonly Heard[] | undefined;
  readonly firewall: FirewallFacts | undefined;
  readonly listener: Listener | "free" | undefined;
  readonly check: CheckFacts | undefined;
  readonly programs: readonly ProgramFacts[] | undefined;
  readonly ca: CaFacts | undefined;
  /** With `--balance`: kernel settings that let the interface forward, and that do not yet. */
  readonly notForwarding: readonly string[];
  /** Whether `nft` can be started. */
  readonly hasNft: boolean | undefined;
  readonly clock: "synchronized" | "unsynchronized" | undefined;
  readonly missingCapabilities: readonly string[];
};
