/**
 * From where this node asks for an address: on the link that carries its network, from this node's own address there.
 *
 * An address in no network of this node is looked for on the link of the default route: routers have been told to look for
 * it on a link, and clients come through a router.
 */

import { familyOf, type IpAddress, type IpFamily, isLinkLocal, parseAddress } from "#base/address";
import { assert } from "#base/assert";
import type { MacAddress } from "#base/mac";
import { addressBits, contains } from "#base/prefix";
import { isMarkedAsOurs } from "#core/netlink/address";
import { linkFault } from "#core/responder/fitness";
import type { Link, LinkAddress, NetlinkPort } from "#drivers/netlink/port";
import type { PacketLink } from "#drivers/packet/port";

/** Where questions leave. */
export type Place = {
  readonly link: PacketLink;
  readonly family: IpFamily;
  /** This node's own, on this link. */
  readonly mac: MacAddress;
  /** This node's own, on this link. */
  readonly source: IpAddress;
};

type Network = Place & { readonly prefixLength: number };

const somewhere = (text: string): IpAddress => {
  const address = parseAddress(text);
  assert(address !== undefined, "not an address", { text });
  return address;
};

/** Addresses for documentation (RFC 5737, RFC 3849): nobody has a route to them but the default one. */
const ELSEWHERE: Readonly<Record<IpFamily, IpAddress>> = {
  IPv4: somewhere("198.51.100.1"),
  IPv6: somewhere("2001:db8::1"),
};

const canSpeakFrom = (own: LinkAddress): boolean =>
  !own.tentative &&
  !own.duplicate &&
  !isLinkLocal(own.address) &&
  !isMarkedAsOurs(own) &&
  own.prefixLength < addressBits(own.address);

const networksOf = (links: readonly Link[], addresses: readonly LinkAddress[]): readonly Network[] => {
  const linkByIndex = new Map(links.map((link) => [link.index, link]));
  return addresses
    .filter(canSpeakFrom)
    .flatMap((own): readonly Network[] => {
      const link = linkByIndex.get(own.linkIndex);
      if (link?.mac === undefined || linkFault({ link, addresses: [], router: false }) !== undefined)
        return [];
      const { index, name, mac } = link;
      const { address: source, prefixLength } = own;
      return [{ link: { index, name }, family: familyOf(source), mac, source, prefixLength }];
    })
    .sort((one, other) => other.prefixLength - one.prefixLength || one.link.index - other.link.index);
};

export class Places {
  readonly #netlink: Pick<NetlinkPort, "links" | "addresses" | "routeTo">;
  /** The longest prefix first. */
  #networks: readonly Network[] = [];
  #fallback = new Map<IpFamily, Place>();
  #placeByAddress = new Map<IpAddress, Place | undefined>();

  constructor(netlink: Pick<NetlinkPort, "links" | "addresses" | "routeTo">) {
    this.#netlink = netlink;
  }

  /** Reads everything anew; false when the kernel did not answer, and what was known before stays. */
  look(): boolean {
    const links = this.#netlink.links();
    const addresses = this.#netlink.addresses();
    if (!links.ok || !addresses.ok) return false;
    this.#networks = networksOf(links.value, addresses.value);
    this.#placeByAddress.clear();
    this.#fallback = new Map(
      (["IPv4", "IPv6"] as const).flatMap((family) => {
        const place = this.#fallbackOf(family);
        return place === undefined ? [] : [[family, place]];
      }),
    );
    return true;
  }

  /** Where to ask for an address; `undefined` when there is no link for it. */
  of(address: IpAddress): Place | undefined {
    if (this.#placeByAddress.has(address)) return this.#placeByAddress.get(address);
    const place =
      this.#networks.find(({ source, prefixLength }) =>
        contains({ address: source, prefixLength }, address),
      ) ?? this.#fallback.get(familyOf(address));
    // An address that this node has itself cannot be asked for from there.
    const usable = place?.source === address ? undefined : place;
    this.#placeByAddress.set(address, usable);
    return usable;
  }

  /** Nothing is asked for it any more. */
  forget(address: IpAddress): void {
    this.#placeByAddress.delete(address);
  }

  /** Whether this link may still be used. */
  has({ index, name }: PacketLink): boolean {
    return this.#networks.some(({ link }) => link.index === index && link.name === name);
  }

  #fallbackOf(family: IpFamily): Place | undefined {
    const route = this.#netlink.routeTo(ELSEWHERE[family]);
    if (!route.ok || route.value.gateway === undefined) return undefined;
    const { linkIndex, source } = route.value;
    const onLink = this.#networks.filter((each) => each.link.index === linkIndex && each.family === family);
    return onLink.find((each) => each.source === source) ?? onLink[0];
  }
}
