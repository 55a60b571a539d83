/** An address with a prefix length, as interfaces carry it: `192.0.2.10/24` keeps its host part. */
import { addressBytes, addressFromBytes, familyOf, type IpAddress, parseAddress } from "./address.ts";

/** An address and the length of its network part in bits (0..32 or 0..128). */
export type InterfaceAddress = { readonly address: IpAddress; readonly prefixLength: number };

/** The number of bits in an address of this family: 32 or 128. */
export const addressBits = (address: IpAddress): 32 | 128 => (familyOf(address) === "IPv4" ? 32 : 128);

/** Reads `ADDRESS/LENGTH` or a bare address (full length); `undefined` if it is neither. */
export const parseInterfaceAddress = (text: string): InterfaceAddress | undefined => {
  const slash = text.indexOf("/");
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  if (slash < 0) return { address, prefixLength: addressBits(address) };
  const length = text.slice(slash + 1);
  if (!/^(?:0|[1-9]\d{0,2})$/.test(length) || Number(length) > addressBits(address)) return undefined;
  return { address, prefixLength: Number(length) };
};

/** `ADDRESS/LENGTH`. */
export const formatInterfaceAddress = ({ address, prefixLength }: InterfaceAddress): string =>
  `${address}/${prefixLength}`;

/** The network that an address is in: the same with all host bits zero. */
export const networkOf = ({ address, prefixLength }: InterfaceAddress): InterfaceAddress => {
  const bytes = addressBytes(address).map((byte, index) => {
    const bits = Math.max(0, Math.min(8, prefixLength - index * 8));
    return byte & (0xff00 >> bits) & 0xff;
  });
  return { address: addressFromBytes(bytes), prefixLength };
};

/** The networks without those that lie in another one of them. */
export const disjoint = (networks: readonly InterfaceAddress[]): readonly InterfaceAddress[] => {
  const kept: InterfaceAddress[] = [];
  for (const network of [...networks].sort((left, right) => left.prefixLength - right.prefixLength)) {
    if (!kept.some((wider) => contains(wider, network.address))) kept.push(network);
  }
  return kept;
};

/** Whether `address` lies in the network of `network`. */
export const contains = (network: InterfaceAddress, address: IpAddress): boolean => {
  const a = addressBytes(network.address);
  const b = addressBytes(address);
  if (a.length !== b.length) return false;
  for (let bit = 0; bit < network.prefixLength; bit += 8) {
    const mask = 0xff00 >> Math.min(8, network.prefixLength - bit);
    if ((((a[bit / 8] ?? 0) ^ (b[bit / 8] ?? 0)) & mask & 0xff) !== 0) return false;
  }
  return true;
};
