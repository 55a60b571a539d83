/** The machine's interfaces and their own addresses, kept up to date by what the kernel says. */
import { compareAddresses, familyOf, type IpAddress, type IpFamily, isLinkLocal } from "#base/address";
import type { MacAddress } from "#base/mac";
import type { Link, LinkAddress, NetlinkChange, NetlinkPort } from "#drivers/netlink/port";

export type Links = {
  byName(name: string): Link | undefined;
  /** Every Ethernet address of this machine. */
  macs(): ReadonlySet<MacAddress>;
  /**
   * The address from which a router on this link speaks: `wanted` if the link has it, else the first of the family
   * that is not `virtual`; for IPv6 a link-local one, as RFC 9568 §5.1.2.1 asks.
   */
  primaryAddress(
    link: Link,
    family: IpFamily,
    virtual: ReadonlySet<IpAddress>,
    wanted: IpAddress | undefined,
  ): IpAddress | undefined;
  /** Takes note of a change; on `overrun` everything is read again. */
  apply(change: NetlinkChange): void;
};

/** Reads all links and addresses once; `apply` keeps them current. Throws when the kernel does not answer. */
export const createLinks = (netlink: NetlinkPort): Links => {
  let linkByIndex = new Map<number, Link>();
  let addresses: LinkAddress[] = [];

  const readAll = (): void => {
    const links = netlink.links();
    const present = netlink.addresses();
    if (!links.ok) throw new Error(`cannot read interfaces: ${links.error.code}`);
    if (!present.ok) throw new Error(`cannot read addresses: ${present.error.code}`);
    linkByIndex = new Map(links.value.map((link) => [link.index, link]));
    addresses = [...present.value];
  };

  const isSame =
    (left: LinkAddress) =>
    (right: LinkAddress): boolean =>
      left.linkIndex === right.linkIndex &&
      left.address === right.address &&
      left.prefixLength === right.prefixLength;

  readAll();
  return {
    macs: () => new Set([...linkByIndex.values()].flatMap(({ mac }) => mac ?? [])),
    byName: (name) => [...linkByIndex.values()].find((link) => link.name === name),
    primaryAddress(link, family, virtual, wanted) {
      const candidates = addresses.filter(
        ({ linkIndex, address, tentative, duplicate }) =>
          linkIndex === link.index &&
          familyOf(address) === family &&
          !virtual.has(address) &&
          !tentative &&
          !duplicate &&
          (wanted === undefined ? family === "IPv4" || isLinkLocal(address) : address === wanted),
      );
      if (family === "IPv4") return candidates[0]?.address;
      return candidates.map(({ address }) => address).sort(compareAddresses)[0];
    },
    apply(change) {
      switch (change.type) {
        case "link":
          linkByIndex.set(change.link.index, change.link);
          break;
        case "link-gone":
          linkByIndex.delete(change.index);
          addresses = addresses.filter(({ linkIndex }) => linkIndex !== change.index);
          break;
        case "address": {
          const index = addresses.findIndex(isSame(change.address));
          if (index < 0) addresses.push(change.address);
          else addresses[index] = change.address;
          break;
        }
        case "address-gone": {
          const same = isSame(change.address);
          addresses = addresses.filter((address) => !same(address));
          break;
        }
        case "overrun":
          readAll();
          break;
      }
    },
  };
};
