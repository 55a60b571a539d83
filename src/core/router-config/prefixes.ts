/** Which prefixes a router may accept from us: those that our pools and advertisements can lead to. */
import { familyOf, type IpFamily } from "#base/address";
import { formatInterfaceAddress, type InterfaceAddress, networkOf } from "#base/prefix";
import { addressToNumber, numberToAddress } from "#core/ipam/block";
import type { AddressBlock, AddressPool } from "#core/ipam/pool";
import type { BgpAdvertisement } from "#core/metallb/model";
import type { Accepted } from "./model.ts";

const BITS: Readonly<Record<IpFamily, number>> = { IPv4: 32, IPv6: 128 };

/** How many low bits of a number are zero, at most `most`. */
const trailingZeros = (number: bigint, most: number): number => {
  let count = 0;
  while (count < most && ((number >> BigInt(count)) & 1n) === 0n) count += 1;
  return count;
};

/** The fewest prefixes that hold exactly the addresses of a block; at most twice as many as its family has bits. */
export const prefixesOf = ({ family, first, last }: AddressBlock): readonly InterfaceAddress[] => {
  const prefixes: InterfaceAddress[] = [];
  let next = first;
  while (next <= last) {
    let host = trailingZeros(next, BITS[family]);
    while (next + (1n << BigInt(host)) - 1n > last) host -= 1;
    prefixes.push({ address: numberToAddress(family, next), prefixLength: BITS[family] - host });
    next += 1n << BigInt(host);
  }
  return prefixes;
};

/**
 * What is announced of the addresses of a prefix at an aggregation length: prefixes of that length in it; or, of a narrow one at
 * the edge of a range, the one prefix around it.
 */
const acceptedOf = (network: InterfaceAddress, length: number): Accepted =>
  length >= network.prefixLength
    ? { network, length }
    : { network: networkOf({ address: network.address, prefixLength: length }), length };

const compare = (left: Accepted, right: Accepted): number => {
  const families = familyOf(left.network.address).localeCompare(familyOf(right.network.address));
  if (families !== 0) return families;
  const [one, other] = [addressToNumber(left.network.address), addressToNumber(right.network.address)];
  if (one !== other) return one < other ? -1 : 1;
  return left.network.prefixLength - right.network.prefixLength || left.length - right.length;
};

/** Everything that the advertisements which mean this peer can announce of these families. */
export const acceptedBy = (
  { pools, bgpAdvertisements }: AnnouncedBy,
  { peer, families }: { readonly peer: string; readonly families: readonly IpFamily[] },
): readonly Accepted[] => {
  const byText = new Map<string, Accepted>();
  for (const { peers, pools: meant, aggregationLength, aggregationLengthV6 } of bgpAdvertisements) {
    if (peers !== undefined && !peers.has(peer)) continue;
    for (const block of pools.filter(({ name }) => meant.has(name)).flatMap(({ blocks }) => blocks)) {
      if (!families.includes(block.family)) continue;
      const length = block.family === "IPv4" ? aggregationLength : aggregationLengthV6;
      for (const accepted of prefixesOf(block).map((prefix) => acceptedOf(prefix, length))) {
        byText.set(`${formatInterfaceAddress(accepted.network)} ${accepted.length}`, accepted);
      }
    }
  }
  return [...byText.values()].sort(compare);
};

/** What decides about prefixes. */
export type AnnouncedBy = {
  readonly pools: readonly AddressPool[];
  readonly bgpAdvertisements: readonly BgpAdvertisement[];
};
