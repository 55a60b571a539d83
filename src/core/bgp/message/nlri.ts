/**
 * Prefixes as they stand in UPDATEs (RFC 4271 §4.3, RFC 4760 §5): the length in bits, and the octets that so many bits need.
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +---------------+-----------------------------------------------+
 * |    Length     |     Prefix, 0..4 or 0..16 octets              |
 * +---------------+-----------------------------------------------+
 * ```
 */
import type { InterfaceAddress } from "#base/prefix";
import { writeAddress } from "./address-octets.ts";

/** Octets of the longest prefix, with its length. */
export const LONGEST_PREFIX = 17;

/** How many prefixes there are; `undefined` if one is longer than its family has bits, or than what is left (RFC 7606 §5.3). */
export const countPrefixes = (bytes: Uint8Array, most: 32 | 128): number | undefined => {
  let count = 0;
  let offset = 0;
  while (offset < bytes.length) {
    const length = bytes[offset] ?? 0;
    if (length > most) return undefined;
    offset += 1 + ((length + 7) >> 3);
    count += 1;
  }
  return offset === bytes.length ? count : undefined;
};

/** Octets that a prefix takes. */
export const prefixOctets = ({ prefixLength }: InterfaceAddress): number => 1 + ((prefixLength + 7) >> 3);

/**
 * Writes a prefix without host bits and gives the octets that it took. There must be room for `LONGEST_PREFIX`: what is behind the prefix
 * may be written over.
 */
export const writePrefix = (bytes: Uint8Array, offset: number, prefix: InterfaceAddress): number => {
  bytes[offset] = prefix.prefixLength;
  writeAddress(bytes, offset + 1, prefix.address);
  return prefixOctets(prefix);
};
