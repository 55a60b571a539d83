/**
 * Runs of addresses: how pools spell them, and arithmetic on them.
 *
 * MetalLB's spelling: a prefix (`192.0.2.0/24`; bits after the prefix are ignored) or a range (`192.0.2.10-192.0.2.20`,
 * spaces round the dash allowed). A single address is a prefix of full length.
 */
import {
  addressBytes,
  addressFromBytes,
  familyOf,
  type IpAddress,
  type IpFamily,
  type Ipv4Address,
  isIpv4,
  parseAddress,
} from "#base/address";
import type { AddressBlock } from "./pool.ts";

/** Why a text is no block of addresses. */
export type BlockProblem =
  | "not-an-address"
  | "missing-length" // a bare address: /32 or /128 must be written
  | "length-out-of-range"
  | "families-differ"
  | "backwards" // the range ends before it starts
  | "mapped-address"; // an IPv4 address in IPv6 spelling (::ffff:0:0/96), which no network carries

export type BlockText =
  | { readonly ok: true; readonly blocks: readonly AddressBlock[] }
  | { readonly ok: false; readonly reason: BlockProblem };

/** Two addresses of 45 characters, a dash, and some spaces. */
const LONGEST = 128;
const LENGTH = /^\d{1,3}$/;

const BITS: Readonly<Record<IpFamily, bigint>> = { IPv4: 32n, IPv6: 128n };

const refused = (reason: BlockProblem): BlockText => ({ ok: false, reason });

const DOT = 0x2e;
const ZERO = 0x30;

const ipv4ToNumber = (address: Ipv4Address): bigint => {
  let number = 0;
  let octet = 0;
  for (let index = 0; index < address.length; index += 1) {
    const code = address.charCodeAt(index);
    if (code === DOT) {
      number = number * 256 + octet;
      octet = 0;
    } else octet = octet * 10 + code - ZERO;
  }
  return BigInt(number * 256 + octet);
};

/** The unsigned number, of 32 or 128 bits, that an address is. */
export const addressToNumber = (address: IpAddress): bigint => {
  if (isIpv4(address)) return ipv4ToNumber(address);
  const bytes = addressBytes(address);
  let number = 0n;
  for (let index = 0; index < bytes.length; index += 4) {
    const [a = 0, b = 0, c = 0, d = 0] = bytes.subarray(index, index + 4);
    number = (number << 32n) | BigInt(((a << 24) | (b << 16) | (c << 8) | d) >>> 0);
  }
  return number;
};

/** The address of this family that a number stands for. */
export const numberToAddress = (family: IpFamily, number: bigint): IpAddress => {
  const bytes = new Uint8Array(family === "IPv4" ? 4 : 16);
  let rest = number;
  for (let end = bytes.length; end > 0; end -= 4) {
    const word = Number(rest & 0xffff_ffffn);
    bytes.set([word >>> 24, (word >>> 16) & 0xff, (word >>> 8) & 0xff, word & 0xff], end - 4);
    rest >>= 32n;
  }
  return addressFromBytes(bytes);
};

/** Whether an address is IPv4 in IPv6 spelling (RFC 4291 §2.5.5.2). */
const isMapped = (address: IpAddress): boolean => address.startsWith("::ffff:") && address.includes(".");

/** Reads an address as Services and MetalLB spell it: IPv4 in IPv6 spelling is IPv4. `undefined` if it is none. */
export const parseServiceAddress = (text: string): IpAddress | undefined => {
  const address = parseAddress(text);
  return address !== undefined && isMapped(address) ? parseAddress(address.slice("::ffff:".length)) : address;
};

const parsePrefix = (text: string): BlockText => {
  const slash = text.indexOf("/");
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return refused("not-an-address");
  if (slash < 0) return refused("missing-length");
  const family = familyOf(address);
  const length = text.slice(slash + 1);
  if (!LENGTH.test(length) || BigInt(length) > BITS[family]) return refused("length-out-of-range");
  if (isMapped(address)) return refused("mapped-address");
  const size = 1n << (BITS[family] - BigInt(length));
  const first = addressToNumber(address) & ~(size - 1n);
  return { ok: true, blocks: [{ family, first, last: first + size - 1n }] };
};

const parseRange = (start: string, end: string): BlockText => {
  const first = parseAddress(start);
  const last = parseAddress(end);
  if (first === undefined || last === undefined) return refused("not-an-address");
  const family = familyOf(first);
  if (family !== familyOf(last)) return refused("families-differ");
  if (isMapped(first) || isMapped(last)) return refused("mapped-address");
  const block = { family, first: addressToNumber(first), last: addressToNumber(last) };
  return block.first > block.last ? refused("backwards") : { ok: true, blocks: [block] };
};

/** Reads one entry of a pool's addresses. */
export const parseBlocks = (text: string): BlockText => {
  if (text.length > LONGEST) return refused("not-an-address");
  const dash = text.indexOf("-");
  return dash < 0 ? parsePrefix(text) : parseRange(text.slice(0, dash).trim(), text.slice(dash + 1).trim());
};

/** How many addresses a block has. */
export const sizeOf = (block: AddressBlock): bigint => block.last - block.first + 1n;

/** Whether two blocks have an address in common. */
export const overlap = (left: AddressBlock, right: AddressBlock): boolean =>
  left.family === right.family && left.first <= right.last && right.first <= left.last;

/** Whether a block holds the address that `number` stands for in the block's family. */
export const holds = (block: AddressBlock, number: bigint): boolean =>
  block.first <= number && number <= block.last;

/** The shortest spelling of a block that `parseBlocks` reads: a prefix if it is one, else a range. */
export const formatBlock = (block: AddressBlock): string => {
  const size = sizeOf(block);
  const first = numberToAddress(block.family, block.first);
  const isPrefix = (size & (size - 1n)) === 0n && (block.first & (size - 1n)) === 0n;
  if (!isPrefix) return `${first}-${numberToAddress(block.family, block.last)}`;
  return `${first}/${BITS[block.family] - BigInt(size.toString(2).length - 1)}`;
};
