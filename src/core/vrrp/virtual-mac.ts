/**
 * The Ethernet address of a virtual router (RFC 9568 §7.3), and the interface that has it.
 *
 * With it a takeover changes nothing for clients: the address of the gateway or service keeps its Ethernet address, and
 * only switches have to learn where that is now. The interface is a macvlan on the router's own: down while the
 * router is backup, so that it neither hears nor says anything, and up with the addresses while it is active.
 */
import type { IpFamily } from "#base/address";
import { type MacAddress, macFromBytes } from "#base/mac";
import type { Link } from "#core/netlink/link";
import type { VirtualRouterConfig, Vrid } from "./config.ts";

/** 00-00-5E-00-01-{VRID} for IPv4, 00-00-5E-00-02-{VRID} for IPv6. */
export const virtualMacOf = (family: IpFamily, vrid: Vrid): MacAddress =>
  macFromBytes(Uint8Array.of(0x00, 0x00, 0x5e, 0x00, family === "IPv4" ? 0x01 : 0x02, vrid));

/**
 * Whether its advertisements come from the virtual MAC address. Unicast ones do not: they are routed to their peers, and
 * nothing is routed through the interface that has it.
 */
export const advertisesVirtually = ({
  virtualMacInterface,
  transport,
}: Pick<VirtualRouterConfig, "virtualMacInterface" | "transport">): boolean =>
  virtualMacInterface !== undefined && transport.type === "multicast";

/** Words that begin the alias of every interface that we made. */
const ALIAS = "steelyard virtual router";

/** An interface with a virtual MAC address. */
export type VirtualLink = {
  readonly router: string;
  readonly name: string;
  /** Index of the router's own interface. */
  readonly lower: number;
  readonly mac: MacAddress;
  readonly alias: string;
};

/** An interface that cannot be made. */
export type BlockedLink = { readonly router: string; readonly name: string; readonly detail: string };

export type VirtualLinkPlan = {
  /** To be removed first. */
  readonly remove: readonly Link[];
  readonly make: readonly VirtualLink[];
  readonly blocked: readonly BlockedLink[];
};

/** Whether an earlier or this run of the program made it. */
export const isVirtualLink = ({ kind, alias }: Link): boolean =>
  kind === "macvlan" && alias?.startsWith(ALIAS) === true;

/** Which interfaces the routers need, which are there for nothing; after it was done, planning again gives nothing. */
export const planVirtualLinks = (
  routers: readonly VirtualRouterConfig[],
  links: readonly Link[],
): VirtualLinkPlan => {
  const linkByName = new Map(links.map((link) => [link.name, link]));
  const kept = new Set<number>();
  const make: VirtualLink[] = [];
  const blocked: BlockedLink[] = [];
  for (const { name: router, interface: lowerName, family, vrid, virtualMacInterface: name } of routers) {
    const lower = linkByName.get(lowerName);
    if (name === undefined || lower === undefined) continue;
    const mac = virtualMacOf(family, vrid);
    const present = linkByName.get(name);
    if (present !== undefined && !isVirtualLink(present)) {
      const detail =
        "there is another interface of this name: remove it, or give virtualMacInterface another name";
      blocked.push({ router, name, detail });
    } else if (present?.lower === lower.index && present.mac === mac) kept.add(present.index);
    else make.push({ router, name, lower: lower.index, mac, alias: `${ALIAS} ${router}` });
  }
  return { remove: links.filter((link) => isVirtualLink(link) && !kept.has(link.index)), make, blocked };
};
