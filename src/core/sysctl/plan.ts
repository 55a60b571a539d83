/**
 * Which kernel settings the edge's work needs, and what to change.
 *
 * Every want has its reason here, once; it is also what the operator reads.
 */
import type { IpFamily } from "#base/address";
import { type SysctlKey, sysctlKey } from "./key.ts";
import type { NetworkUse } from "./use.ts";

/** The settings that were read, without their line end; those that the kernel does not have are not there. */
export type ObservedSysctls = ReadonlyMap<SysctlKey, string>;

/** One setting to change. */
export type SysctlChange = {
  readonly key: SysctlKey;
  readonly from: string;
  readonly to: string;
  /** One sentence for the operator. */
  readonly reason: string;
};

/** A setting that the work needs and this kernel does not have. */
export type MissingSysctl = { readonly key: SysctlKey; readonly reason: string };

/** A setting that hinders the work, and that others on this host may need as it is: that is for the operator to decide. */
export type HinderingSysctl = { readonly key: SysctlKey; readonly reason: string };

export type SysctlPlan = {
  /** To be made in this order. */
  readonly changes: readonly SysctlChange[];
  readonly missing: readonly MissingSysctl[];
  readonly hindering: readonly HinderingSysctl[];
};

type Want = {
  readonly key: SysctlKey;
  readonly value: string;
  readonly reason: string;
  /** A kernel without the setting behaves as wanted. */
  readonly optional?: true;
};

const ipv4 = (name: string, setting: string): SysctlKey => sysctlKey("net", "ipv4", "conf", name, setting);
const ipv6 = (name: string, setting: string): SysctlKey => sysctlKey("net", "ipv6", "conf", name, setting);

const IPV6_FORWARDING = ipv6("all", "forwarding");
const TCP_LIBERAL = sysctlKey("net", "netfilter", "nf_conntrack_tcp_be_liberal");
const TCP_LOOSE = sysctlKey("net", "netfilter", "nf_conntrack_tcp_loose");

/** The interfaces of `names` that exist. */
const existing = (use: NetworkUse, names: readonly string[]): readonly string[] =>
  names.filter((name) => use.interfaces.includes(name));

/** IPv4 forwarding is decided by the interface that a packet arrives on, so no other interface starts to route. */
const ipv4Forwarding = (use: NetworkUse): readonly Want[] =>
  existing(use, use.forwarding.IPv4).map((name) => ({
    key: ipv4(name, "forwarding"),
    value: "1",
    reason: `packets of virtual servers that arrive on ${name} are sent on to a backend or back to a client`,
  }));

/**
 * A client on the backends' own network would be told to go there directly, past the translation. The kernel sends
 * redirects if either the interface or `all` says so; `all` alone changes nothing for other interfaces.
 */
const noRedirects = (use: NetworkUse): readonly Want[] => {
  const names = existing(use, use.forwarding.IPv4);
  return (names.length === 0 ? [] : [...names, "all"]).map((name) => ({
    key: ipv4(name, "send_redirects"),
    value: "0",
    reason: "clients on the same network must not be redirected past the translation to a backend",
  }));
};

/**
 * IPv6 forwards for every interface or none, and a host that forwards ignores router advertisements where
 * `accept_ra` is 1: it would lose its default route. Linux 6.17 brought a switch for one interface that does
 * neither, `force_forwarding`; where it is missing, `accept_ra` goes to 2 first, then forwarding to 1.
 */
const ipv6Forwarding = (use: NetworkUse, observed: ObservedSysctls): readonly Want[] => {
  const names = existing(use, use.forwarding.IPv6);
  if (names.length === 0 || observed.get(IPV6_FORWARDING) === "1") return [];
  if (names.every((name) => observed.has(ipv6(name, "force_forwarding")))) {
    return names.map((name) => ({
      key: ipv6(name, "force_forwarding"),
      value: "1",
      reason: `masqueraded packets that arrive on ${name} are sent on to a backend or back to a client`,
    }));
  }
  const listening = [...use.interfaces, "default"].filter(
    (name) => observed.get(ipv6(name, "accept_ra")) === "1",
  );
  return [
    ...listening.map((name) => ({
      key: ipv6(name, "accept_ra"),
      value: "2",
      reason: "without it the host would drop the default route it learnt once it forwards IPv6",
    })),
    {
      key: IPV6_FORWARDING,
      value: "1",
      reason: "packets of virtual servers are sent on to backends and clients",
    },
  ];
};

/**
 * A flow that this edge takes over is in its middle: connection tracking must pick it up without its SYN. One that
 * comes back, after it went on over the other edge, is out of the window that was last seen here; only a reset that is
 * out of the window counts as invalid then.
 */
const midStreamPickUp = ({ forwarding }: NetworkUse): readonly Want[] =>
  forwarding.IPv4.length + forwarding.IPv6.length === 0
    ? []
    : [
        {
          key: TCP_LOOSE,
          value: "1",
          reason: "connections that come over from the other edge are picked up mid-stream",
          optional: true,
        },
        {
          key: TCP_LIBERAL,
          value: "1",
          reason: "connections that come back from the other edge have gone on since this one saw them last",
          optional: true,
        },
      ];

/**
 * If our address is the first of its subnet on an interface, the host's own becomes its secondary, and removing ours
 * would remove the host's. Either the interface's setting or `all` prevents that.
 */
const promotion = (use: NetworkUse, observed: ObservedSysctls): readonly Want[] =>
  observed.get(ipv4("all", "promote_secondaries")) === "1"
    ? []
    : existing(use, use.subnets).map((name) => ({
        key: ipv4(name, "promote_secondaries"),
        value: "1",
        reason: `removing a virtual address from ${name} must not take the host's own address along`,
      }));

/**
 * They exist once the module is loaded, and count for every service of IPVS on this host. kube-proxy wants the first
 * two as well.
 */
const IPVS_WANTS: readonly (Want & { readonly of: "any" | "hashed" })[] = [
  {
    key: sysctlKey("net", "ipv4", "vs", "expire_nodest_conn"),
    value: "1",
    reason: "clients of a backend that was taken out hear at once that their connections are over",
    optional: true,
    of: "any",
  },
  {
    key: sysctlKey("net", "ipv4", "vs", "expire_quiescent_template"),
    value: "1",
    reason: "a backend that drains gets no new connections from clients that it was pinned to",
    optional: true,
    of: "any",
  },
  {
    key: sysctlKey("net", "ipv4", "vs", "sloppy_tcp"),
    value: "1",
    reason: "connections that come over from the other edge are picked up mid-stream, where the hash leads",
    optional: true,
    of: "hashed",
  },
];

const ipvs = (use: NetworkUse): readonly Want[] =>
  use.ipvs === undefined ? [] : IPVS_WANTS.filter((want) => want.of === "any" || use.ipvs === "hashed");
/** Settings where the stricter of the interface's and `all` is in force. */
const atLeast = (
  observed: ObservedSysctls,
  name: string,
  { setting, least, reason }: { readonly setting: string; readonly least: number; readonly reason: string },
): readonly Want[] => {
  const inForce = Math.max(
    ...["all", name].map((scope) => Number(observed.get(ipv4(scope, setting)) ?? Number.NaN)),
  );
  return inForce >= least ? [] : [{ key: ipv4(name, setting), value: String(least), reason }];
};

/**
 * Each interface speaks for its own addresses only, so that one address is never seen with two MAC addresses. Answers
 * leave through the interface below, which strict reverse path filtering does not expect; 2 is the loose kind.
 */
const virtualMac = (use: NetworkUse, observed: ObservedSysctls): readonly Want[] => {
  const present = use.virtualMacs.filter(({ device }) => use.interfaces.includes(device));
  const ethernet = [...new Set(present.flatMap(({ device, lower }) => [device, lower]))].flatMap((name) => [
    ...atLeast(observed, name, {
      ...{ setting: "arp_ignore", least: 1 },
      reason: `${name} must not answer ARP for addresses of other interfaces: one has a virtual MAC address`,
    }),
    ...atLeast(observed, name, {
      ...{ setting: "arp_announce", least: 2 },
      reason: `${name} must not tell of addresses of other interfaces: one has a virtual MAC address`,
    }),
  ]);
  return [
    ...ethernet,
    ...present.flatMap(({ device, lower }) => [
      ...strictReversePath(observed, device).map((key) => ({
        ...{ key, value: "2" },
        reason: `clients that ${device} hears are answered through ${lower}`,
      })),
      {
        ...{ key: ipv6(device, "accept_ra"), value: "0", optional: true as const },
        reason: `${device} carries virtual addresses and learns none of its own`,
      },
    ]),
  ];
};

/** The interface's setting if the strict reverse path filter is in force there. */
const strictReversePath = (observed: ObservedSysctls, name: string): readonly SysctlKey[] => {
  const inForce = Math.max(
    ...["all", name].map((scope) => Number(observed.get(ipv4(scope, "rp_filter")) ?? 0)),
  );
  return inForce === 1 ? [ipv4(name, "rp_filter")] : [];
};

const wants = (use: NetworkUse, observed: ObservedSysctls): readonly Want[] => [
  ...ipv4Forwarding(use),
  ...noRedirects(use),
  ...ipv6Forwarding(use, observed),
  ...midStreamPickUp(use),
  ...promotion(use, observed),
  ...ipvs(use),
  ...virtualMac(use, observed),
];

const BRIDGE_FILTERS: Readonly<Record<IpFamily, SysctlKey>> = {
  IPv4: sysctlKey("net", "bridge", "bridge-nf-call-iptables"),
  IPv6: sysctlKey("net", "bridge", "bridge-nf-call-ip6tables"),
};

/**
 * With br_netfilter a frame's address is translated while it is still the bridge's. When it then belongs on the same
 * bridge, it is not routed but bridged, and a bridge sends nothing out of the port that it came from.
 */
const bridgeFilters = (use: NetworkUse, observed: ObservedSysctls): readonly HinderingSysctl[] =>
  (["IPv4", "IPv6"] as const).flatMap((family) => {
    const key = BRIDGE_FILTERS[family];
    const bridges = use.forwarding[family].filter((name) => use.bridges?.includes(name) === true);
    if (bridges.length === 0 || observed.get(key) !== "1") return [];
    const lost = `connections whose client and backend are behind the same port of ${bridges.join(" or ")} are lost`;
    return [{ key, reason: `it is 1, so ${lost}: set it to 0, unless containers on this host need it` }];
  });

/** Every setting that planning for this use may look at. */
export const sysctlsToObserve = (use: NetworkUse): readonly SysctlKey[] => [
  ...[...existing(use, use.forwarding.IPv4), "all"].flatMap((name) => [
    ipv4(name, "forwarding"),
    ipv4(name, "send_redirects"),
  ]),
  ...existing(use, use.forwarding.IPv6).map((name) => ipv6(name, "force_forwarding")),
  ...[...use.interfaces, "default"].map((name) => ipv6(name, "accept_ra")),
  ...[...existing(use, use.subnets), "all"].map((name) => ipv4(name, "promote_secondaries")),
  ...ipvs(use).map(({ key }) => key),
  ...(use.virtualMacs.length === 0
    ? []
    : ["all", ...use.virtualMacs.flatMap(({ device, lower }) => [device, lower])]
  ).flatMap((name) => ["arp_ignore", "arp_announce", "rp_filter"].map((setting) => ipv4(name, setting))),
  IPV6_FORWARDING,
  TCP_LOOSE,
  TCP_LIBERAL,
  ...(use.bridges === undefined ? [] : Object.values(BRIDGE_FILTERS)),
];

/** What to change; after it was made, planning again gives no change. */
export const planSysctls = (use: NetworkUse, observed: ObservedSysctls): SysctlPlan => {
  const changes: SysctlChange[] = [];
  const missing: MissingSysctl[] = [];
  for (const { key, value, reason, optional } of wants(use, observed)) {
    const from = observed.get(key);
    if (from === undefined) {
      if (optional !== true) missing.push({ key, reason });
    } else if (from !== value) {
      changes.push({ key, from, to: value, reason });
    }
  }
  return { changes, missing, hindering: bridgeFilters(use, observed) };
};

/**
 * How to put back what was changed, last change first. A setting that no longer has our value was set by somebody
 * else since, and stays.
 */
export const planSysctlRestore = (
  made: readonly SysctlChange[],
  observed: ObservedSysctls,
): readonly SysctlChange[] =>
  made
    .filter(({ key, to }) => observed.get(key) === to)
    .map(({ key, from, to }) => ({ key, from: to, to: from, reason: "steelyard no longer needs it" }))
    .reverse();
