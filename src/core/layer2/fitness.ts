/** What a node's interfaces can carry, as its speaker reports it, and which networks an address lies in. */
import { familyOf, type IpAddress } from "#base/address";
import { addressBits, type InterfaceAddress } from "#base/prefix";
import { addressToNumber } from "#core/ipam/block";

/** An interface that is up and can answer. */
export type FitLink = {
  readonly name: string;
  /** Its addresses with their prefix lengths. A whole length (/32, /128) says nothing of a subnet and is not looked at. */
  readonly addresses: readonly InterfaceAddress[];
};

/** What a speaker reports of its node. A node without a report is taken to fit. */
export type Fitness = { readonly links: readonly FitLink[] };

declare const networkBrand: unique symbol;

/** A network as a key of maps: equal for equal networks. */
export type NetworkKey = string & { readonly [networkBrand]: true };

const keyOf = (address: IpAddress, length: number, number: bigint): NetworkKey =>
  `${familyOf(address)}/${length}/${(number >> BigInt(addressBits(address) - length)).toString(16)}` as NetworkKey;

const isSubnet = (address: IpAddress, length: number): boolean => length > 0 && length < addressBits(address);

/** The networks that an interface is in. */
export const networksOf = ({ addresses }: FitLink): readonly NetworkKey[] =>
  addresses
    .filter(({ address, prefixLength }) => isSubnet(address, prefixLength))
    .map(({ address, prefixLength }) => keyOf(address, prefixLength, addressToNumber(address)));

const NOWHERE: readonly NetworkKey[] = [];

/** The networks that some node is in. */
export class Networks {
  readonly #known = new Set<NetworkKey>();
  /** Every combination of them that an address was found in. */
  readonly #lists = new Map<string, readonly NetworkKey[]>();
  readonly #lengths = { IPv4: new Set<number>(), IPv6: new Set<number>() };

  constructor(reports: Iterable<Fitness>) {
    for (const { links } of reports) {
      for (const link of links) {
        for (const network of networksOf(link)) this.#known.add(network);
        for (const { address, prefixLength } of link.addresses)
          if (isSubnet(address, prefixLength)) this.#lengths[familyOf(address)].add(prefixLength);
      }
    }
  }

  /** Whether others are the same, so that every address lies in the same of them. */
  equals(others: Networks): boolean {
    if (this.#known.size !== others.#known.size) return false;
    return [...this.#known].every((network) => others.#known.has(network));
  }

  /** Those that an address lies in, in an order that depends on nothing else. */
  around(address: IpAddress): readonly NetworkKey[] {
    const lengths = this.#lengths[familyOf(address)];
    if (lengths.size === 0) return NOWHERE;
    const number = addressToNumber(address);
    const found = [...lengths]
      .map((length) => keyOf(address, length, number))
      .filter((network) => this.#known.has(network))
      .sort();
    if (found.length === 0) return NOWHERE;
    // Thousands of addresses lie in the same networks.
    const text = found.join(" ");
    const shared = this.#lists.get(text) ?? found;
    this.#lists.set(text, shared);
    return shared;
  }
}
