/** The machine's interfaces and their own addresses, kept up to date by what the kernel says. */
import { compareAddresses, familyOf, type IpAddress, type IpFamily, isLinkLocal } from "#base/address";
import type { MacAddress } from "#base/mac";
import { contains } from "#base/prefix";
import { isMarkedAsOurs } from "#core/netlink/address";
import type { Link, LinkAddress, NetlinkChange, NetlinkPort } from "#drivers/netlink/port";

/** What a router that needs an address to speak from asks for. */
export type Wanted = {
  readonly family: IpFamily;
  /** Addresses that come and go with routers, which nobody speaks from. */
  readonly virtual: ReadonlySet<IpAddress>;
  /** The one that is configured; `undefined` when any will do. */
  readonly source?: IpAddress | undefined;
};

export type Links = {
  byName(name: string): Link | undefined;
  byIndex(index: number): Link | undefined;
  /** Every interface. */
  all(): Iterable<Link>;
  /** The link's own addresses, without those that we have bound. */
  addressesOf(link: Link): readonly LinkAddress[];
  /** Every Ethernet address of this machine. */
  macs(): ReadonlySet<MacAddress>;
  /**
   * The address from which a router on this link speaks: the `source` wanted if the link has it, else the first of
   * the family that is neither virtual nor of our making; for IPv6 a link-local one (RFC 9568 §5.1.2.1), the
   * smallest, since the kernel's order is not stable.
   */
  primaryAddress(link: Link, wanted: Wanted): IpAddress | undefined;
  /** Whether an address of the link's own has this one on its network. */
  reaches(link: Link, address: IpAddress): boolean;
  /** Takes note of a change; gives the names of the interfaces that it is about, former names included. */
  apply(change: Exclude<NetlinkChange, { type: "overrun" }>): readonly string[];
  /** Reads everything again; false when the kernel did not answer, and what was known before stays. */
  reread(): boolean;
};

/** The one among a link's own addresses that a router speaks from. */
const primaryOf = (
  addresses: readonly LinkAddress[],
  { family, virtual, source }: Wanted,
): IpAddress | undefined => {
  const candidates = addresses.filter(
    ({ address, tentative, duplicate }) =>
      familyOf(address) === family &&
      !virtual.has(address) &&
      !tentative &&
      !duplicate &&
      (source === undefined ? family === "IPv4" || isLinkLocal(address) : address === source),
  );
  if (family === "IPv4") return candidates[0]?.address;
  return candidates.map(({ address }) => address).sort(compareAddresses)[0];
};

/**
 * Reads all links and addresses once; `apply` keeps them current. Throws when the kernel does not answer. `isBound`: addresses that we
 * have bound on a kernel that keeps no mark of it.
 */
export const createLinks = (
  netlink: NetlinkPort,
  isBound: (address: LinkAddress) => boolean = () => false,
): Links => {
  let linkByIndex = new Map<number, Link>();
  let addressesByLink = new Map<number, Map<string, LinkAddress>>();
  // Made when they are asked for after a change: a machine may have thousands of interfaces that come and go.
  let linkByName: ReadonlyMap<string, Link> | undefined;
  let macs: ReadonlySet<MacAddress> | undefined;

  const keyOf = ({ address, prefixLength }: LinkAddress): string => `${address}/${prefixLength}`;

  const note = (address: LinkAddress): void => {
    const onLink = addressesByLink.get(address.linkIndex) ?? new Map<string, LinkAddress>();
    addressesByLink.set(address.linkIndex, onLink.set(keyOf(address), address));
  };

  const addressesOn = (link: Link): readonly LinkAddress[] =>
    [...(addressesByLink.get(link.index)?.values() ?? [])].filter(
      (address) => !isMarkedAsOurs(address) && !isBound(address),
    );

  const noteLinks = (): void => {
    linkByName = undefined;
    macs = undefined;
  };

  const reread = (): boolean => {
    const links = netlink.links();
    const present = netlink.addresses();
    if (!links.ok || !present.ok) return false;
    linkByIndex = new Map(links.value.map((link) => [link.index, link]));
    addressesByLink = new Map();
    for (const address of present.value) note(address);
    noteLinks();
    return true;
  };

  const namesOf = (index: number): readonly string[] => {
    const link = linkByIndex.get(index);
    return link === undefined ? [] : [link.name];
  };

  if (!reread()) throw new Error("cannot read the interfaces and their addresses from the kernel");
  return {
    reread,
    macs() {
      macs ??= new Set([...linkByIndex.values()].flatMap(({ mac }) => mac ?? []));
      return macs;
    },
    byIndex: (index) => linkByIndex.get(index),
    all: () => linkByIndex.values(),
    addressesOf: addressesOn,
    byName(name) {
      linkByName ??= new Map([...linkByIndex.values()].map((link) => [link.name, link]));
      return linkByName.get(name);
    },
    primaryAddress: (link, wanted) => primaryOf(addressesOn(link), wanted),
    reaches: (link, address) => addressesOn(link).some((own) => contains(own, address)),
    apply(change) {
      switch (change.type) {
        case "link": {
          const before = namesOf(change.link.index);
          linkByIndex.set(change.link.index, change.link);
          noteLinks();
          return [...before, change.link.name];
        }
        case "link-gone":
          linkByIndex.delete(change.index);
          addressesByLink.delete(change.index);
          noteLinks();
          return [change.name];
        case "address":
          note(change.address);
          return namesOf(change.address.linkIndex);
        case "address-gone":
          addressesByLink.get(change.address.linkIndex)?.delete(keyOf(change.address));
          return namesOf(change.address.linkIndex);
      }
    },
  };
};
