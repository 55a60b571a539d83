/** Which links can carry an address. */
import { addressBytes, type IpAddress } from "#base/address";
import type { MacAddress } from "#base/mac";
import { isEnslaved } from "#core/netlink/link";
import type { AllowedInterfaces, NodeLink } from "./config.ts";

/** Why nothing is said on a link. */
export const UNFIT_REASONS = [
  /** Loopback, tunnels: no Ethernet address. */
  "not-ethernet",
  /** Nobody is on the other side of it, such as the interface to which IPVS binds addresses. */
  "no-neighbours",
  /** Its packets are those of the bridge, bond or team that it belongs to. */
  "enslaved",
  /** Taken down. */
  "down",
  "no-carrier",
  /** It has no IPv6 address, not even a link-local one, so the kernel takes no IPv6 packet there. */
  "no-ipv6",
  /** Its name is left out, and it is not asked for by name. */
  "excluded",
  /** Other interfaces are asked for. */
  "not-allowed",
  /** Another link carries the address's network, and this one does not. */
  "other-network",
] as const;
/** Why nothing is said on a link. */
export type UnfitReason = (typeof UNFIT_REASONS)[number];

/** A network of a link. */
export type Network = { readonly bytes: Uint8Array; readonly prefixLength: number };

/** A link on which something can be said. */
export type UsableLink = {
  readonly index: number;
  readonly name: string;
  readonly mac: MacAddress;
  readonly router: boolean;
  /** Whether its name is left out where every interface is allowed. */
  readonly excluded: boolean;
  readonly networks: readonly Network[];
  /** The link that it shares a segment with by its nature: the one below a macvlan. */
  readonly sibling?: number;
};

const WITHOUT_NEIGHBOURS: ReadonlySet<string> = new Set(["dummy", "ifb", "nlmon", "vcan"]);
const ON_THE_SAME_SEGMENT: ReadonlySet<string> = new Set(["macvlan", "macvtap", "ipvlan"]);

/** Why a link cannot carry any address; `undefined` if it can. */
export const linkFault = ({ link }: NodeLink): UnfitReason | undefined => {
  if (link.mac === undefined || link.loopback) return "not-ethernet";
  if (link.kind !== undefined && WITHOUT_NEIGHBOURS.has(link.kind)) return "no-neighbours";
  if (isEnslaved(link)) return "enslaved";
  if (!link.up) return "down";
  return link.carrier ? undefined : "no-carrier";
};

/** The link as far as it matters here; `undefined` if it cannot carry any address. */
export const usableLink = (
  { link, addresses, router }: NodeLink,
  excludedNames: readonly RegExp[],
): UsableLink | undefined => {
  const { index, name, mac, kind, lower } = link;
  if (mac === undefined || linkFault({ link, addresses, router }) !== undefined) return undefined;
  const isSibling = lower !== undefined && kind !== undefined && ON_THE_SAME_SEGMENT.has(kind);
  return {
    ...{ index, name, mac, router },
    excluded: excludedNames.some((pattern) => pattern.test(name)),
    networks: networksOf({ link, addresses, router }),
    ...(isSibling ? { sibling: lower } : {}),
  };
};

const networksOf = ({ addresses }: NodeLink): readonly Network[] =>
  addresses.map(({ address, prefixLength }) => ({ bytes: addressBytes(address), prefixLength }));

/** Whether an address, by its bytes, lies in a network. */
const isIn = ({ bytes, prefixLength }: Network, address: Uint8Array): boolean => {
  if (bytes.length !== address.length) return false;
  for (let bit = 0; bit < prefixLength; bit += 8) {
    const mask = prefixLength - bit >= 8 ? 0xff : 0xff00 >> (prefixLength - bit);
    if ((((bytes[bit >>> 3] ?? 0) ^ (address[bit >>> 3] ?? 0)) & mask & 0xff) !== 0) return false;
  }
  return true;
};

/** The longest prefix of a link's networks that hold the address; `undefined` if none does. */
export const prefixAround = (link: UsableLink, address: Uint8Array): number | undefined => {
  let longest: number | undefined;
  for (const network of link.networks) {
    if (network.prefixLength > (longest ?? -1) && isIn(network, address)) longest = network.prefixLength;
  }
  return longest;
};

/** The networks of links that are down, or without carrier, and may come back: what is in them is nowhere else meanwhile. */
export const lostNetworks = (
  links: readonly NodeLink[],
  excludedNames: readonly RegExp[],
): readonly Network[] =>
  links.flatMap((nodeLink) => {
    const fault = linkFault(nodeLink);
    if (fault !== "down" && fault !== "no-carrier") return [];
    if (excludedNames.some((pattern) => pattern.test(nodeLink.link.name))) return [];
    return networksOf(nodeLink);
  });

const isAllowed = ({ name, excluded }: UsableLink, interfaces: AllowedInterfaces): boolean =>
  interfaces === "all" ? !excluded : interfaces.includes(name);

/** Whether the kernel would take packets for the address: IPv6 may be switched off. */
const takesFamily = ({ networks }: UsableLink, address: Uint8Array): boolean =>
  address.length === 4 || networks.some(({ bytes }) => bytes.length === 16);

/**
 * The links on which an address is told of. With interfaces by name, exactly these. With all of them, those whose network
 * it is in; if it is in none, every one: a router may have been told to look for it there. Not if it is in a network whose link is down.
 */
export const fittingLinks = (
  { links, lost }: { readonly links: Iterable<UsableLink>; readonly lost: readonly Network[] },
  address: Uint8Array,
  interfaces: AllowedInterfaces,
): readonly UsableLink[] => {
  const allowed: UsableLink[] = [];
  for (const link of links) {
    if (isAllowed(link, interfaces) && takesFamily(link, address)) allowed.push(link);
  }
  if (interfaces !== "all") return allowed;
  const near = allowed.filter((link) => prefixAround(link, address) !== undefined);
  if (near.length > 0) return near;
  return lost.some((network) => isIn(network, address)) ? [] : allowed;
};

/** Why nothing is said of an address on each link where it is not, for people. */
export const unfitLinks = (
  links: readonly NodeLink[],
  { address, interfaces }: { readonly address: IpAddress; readonly interfaces: AllowedInterfaces },
  excludedNames: readonly RegExp[],
): ReadonlyMap<string, UnfitReason> => {
  const usable = links.flatMap((link) => usableLink(link, excludedNames) ?? []);
  const bytes = addressBytes(address);
  const lost = lostNetworks(links, excludedNames);
  const fitting = new Set(fittingLinks({ links: usable, lost }, bytes, interfaces).map(({ name }) => name));
  const reasonByName = new Map<string, UnfitReason>();
  for (const nodeLink of links) {
    const { name } = nodeLink.link;
    if (fitting.has(name)) continue;
    const found = usable.find((link) => link.name === name);
    if (found === undefined) reasonByName.set(name, linkFault(nodeLink) ?? "down");
    else if (isAllowed(found, interfaces)) {
      reasonByName.set(name, takesFamily(found, bytes) ? "other-network" : "no-ipv6");
    } else reasonByName.set(name, interfaces === "all" ? "excluded" : "not-allowed");
  }
  return reasonByName;
};
