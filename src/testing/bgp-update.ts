/** UPDATEs for tests: what is to be sent in few words, and what is on the wire taken apart again. */
import { addressFromBytes, type IpFamily } from "#base/address";
import { assert } from "#base/assert";
import { readU8, readU16, toHex } from "#base/bytes";
import { type InterfaceAddress, parseInterfaceAddress } from "#base/prefix";
import type { EncodeContext } from "#core/bgp/message/context";
import type { PathAttributes, Update } from "#core/bgp/message/message";
import { address } from "./values.ts";

/** A peer that has four-octet AS numbers and families. */
export const MODERN: EncodeContext = {
  hasFourOctetAsn: true,
  multiprotocol: true,
  hasExtendedNextHop: false,
};
/** One that takes IPv6 next hops for IPv4, too. */
export const EXTENDED: EncodeContext = { ...MODERN, hasExtendedNextHop: true };
/** One that knows RFC 4271 and no more. */
export const OLD: EncodeContext = { hasFourOctetAsn: false, multiprotocol: false, hasExtendedNextHop: false };

/** The prefix that `text` spells. */
export const prefix = (text: string): InterfaceAddress => {
  const parsed = parseInterfaceAddress(text);
  assert(parsed !== undefined, "not a prefix", { text });
  return parsed;
};

/** From AS 65001 behind 10.9.0.1, and nothing else. */
export const PLAIN: PathAttributes = {
  origin: "igp",
  asPath: [65_001],
  nextHop: { address: address("10.9.0.1"), linkLocal: undefined },
  med: undefined,
  localPref: undefined,
  communities: [],
  largeCommunities: [],
  linkBandwidth: undefined,
};
/** The next hop that IPv6 wants: a global address and the one of the link. */
export const BEHIND_IPV6 = { nextHop: { address: address("fd09::1"), linkLocal: address("fe80::1") } };

/** Announces prefixes with these attributes besides the plain ones. */
export const announce = (
  family: IpFamily,
  attributes: Partial<PathAttributes>,
  ...prefixes: readonly string[]
): Update => ({
  ...{ type: "announce", family, attributes: { ...PLAIN, ...attributes }, prefixes: prefixes.map(prefix) },
});

/** Withdraws prefixes. */
export const withdraw = (family: IpFamily, ...prefixes: readonly string[]): Update => ({
  ...{ type: "withdraw", family, prefixes: prefixes.map(prefix) },
});

/** An UPDATE that is right, taken apart: prefixes as `ADDRESS/LENGTH`, values of attributes in hexadecimal. */
export type TakenApart = {
  readonly withdrawn: readonly string[];
  readonly announced: readonly string[];
  readonly attributes: readonly { readonly code: number; readonly flags: number; readonly value: string }[];
};

const prefixesOf = (bytes: Uint8Array, addressLength: 4 | 16): readonly string[] => {
  const prefixes: string[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const length = readU8(bytes, offset);
    const end = offset + 1 + Math.ceil(length / 8);
    const address = new Uint8Array(addressLength);
    address.set(bytes.subarray(offset + 1, end));
    prefixes.push(`${addressFromBytes(address)}/${length}`);
    offset = end;
  }
  return prefixes;
};

/** Takes an UPDATE apart, the simple way and independently of the codec. */
export const takeApart = (bytes: Uint8Array): TakenApart => {
  const attributesAt = 21 + readU16(bytes, 19);
  const nlriAt = attributesAt + 2 + readU16(bytes, attributesAt);
  const withdrawn = [...prefixesOf(bytes.subarray(21, attributesAt), 4)];
  const announced = [...prefixesOf(bytes.subarray(nlriAt), 4)];
  const attributes: { code: number; flags: number; value: string }[] = [];
  for (let offset = attributesAt + 2; offset < nlriAt; ) {
    const flags = readU8(bytes, offset);
    const code = readU8(bytes, offset + 1);
    const isLong = (flags & 0x10) !== 0;
    const start = offset + (isLong ? 4 : 3);
    const end = start + (isLong ? readU16(bytes, offset + 2) : readU8(bytes, offset + 2));
    const value = bytes.subarray(start, end);
    attributes.push({ code, flags, value: toHex(value) });
    if (code === 14)
      announced.push(...prefixesOf(value.subarray(5 + readU8(value, 3)), value[1] === 1 ? 4 : 16));
    if (code === 15) withdrawn.push(...prefixesOf(value.subarray(3), value[1] === 1 ? 4 : 16));
    offset = end;
  }
  return { withdrawn, announced, attributes };
};
