/**
 * IPv4 and IPv6 addresses in their one canonical spelling.
 *
 * An address is a branded string, so it can be a map key and be compared with `===`. The spelling is that of
 * RFC 5952 (IPv6: lower case, longest run of zeros compressed, mapped IPv4 in dotted form).
 */
import { assert } from "./assert.ts";

declare const ipv4Brand: unique symbol;
declare const ipv6Brand: unique symbol;

/** An IPv4 address in dotted decimal without leading zeros. */
export type Ipv4Address = string & { readonly [ipv4Brand]: true };
/** An IPv6 address as RFC 5952 spells it, without a zone. */
export type Ipv6Address = string & { readonly [ipv6Brand]: true };
/** An address of either family. */
export type IpAddress = Ipv4Address | Ipv6Address;
/** The address family, as Kubernetes spells it. */
export type IpFamily = "IPv4" | "IPv6";

const DOT = 0x2e;
const ZERO = 0x30;

/** Without a copy of any part: in a takeover thousands of addresses are written into packets. */
const parseIpv4Bytes = (text: string): Uint8Array | undefined => {
  const bytes = new Uint8Array(4);
  let [part, digits, value] = [0, 0, 0];
  for (let index = 0; index <= text.length; index += 1) {
    const code = index === text.length ? DOT : text.charCodeAt(index);
    if (code === DOT) {
      if (digits === 0 || part === 4) return undefined;
      bytes[part] = value;
      part += 1;
      [digits, value] = [0, 0];
      continue;
    }
    const digit = code - ZERO;
    const isPadded = digits > 0 && value === 0;
    value = 10 * value + digit;
    if (digit < 0 || digit > 9 || isPadded || value > 255) return undefined;
    digits += 1;
  }
  return part === 4 ? bytes : undefined;
};

const GROUP = /^[0-9a-fA-F]{1,4}$/;

/** The groups of one side of `::`, with a trailing dotted IPv4 part counted as two. */
const parseGroups = (text: string, mayEndInIpv4: boolean): number[] | undefined => {
  if (text === "") return [];
  const parts = text.split(":");
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (GROUP.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const dotted = mayEndInIpv4 && index === parts.length - 1 ? parseIpv4Bytes(part) : undefined;
    if (dotted === undefined) return undefined;
    const [a = 0, b = 0, c = 0, d = 0] = dotted;
    groups.push((a << 8) | b, (c << 8) | d);
  }
  return groups;
};

const parseIpv6Bytes = (text: string): Uint8Array | undefined => {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [left = "", right] = halves;
  const head = parseGroups(left, right === undefined);
  const tail = right === undefined ? [] : parseGroups(right, true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (right === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  return Uint8Array.from(groups.flatMap((group) => [group >>> 8, group & 0xff]));
};

const formatIpv6 = (bytes: Uint8Array): string => {
  const groups: number[] = [];
  for (let index = 0; index < 16; index += 2)
    groups.push(((bytes[index] ?? 0) << 8) | (bytes[index + 1] ?? 0));
  const mapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (mapped) return `::ffff:${bytes.subarray(12).join(".")}`;
  let bestStart = -1;
  let bestLength = 1;
  for (let start = 0; start < 8; start += 1) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length += 1;
    if (length > bestLength) {
      bestStart = start;
      bestLength = length;
    }
  }
  const hex = groups.map((group) => group.toString(16));
  if (bestStart < 0) return hex.join(":");
  return `${hex.slice(0, bestStart).join(":")}::${hex.slice(bestStart + bestLength).join(":")}`;
};

/** The address that `bytes` (4 or 16 of them, network order) stand for. */
export const addressFromBytes = (bytes: Uint8Array): IpAddress => {
  assert(bytes.length === 4 || bytes.length === 16, "an address has 4 or 16 bytes", { length: bytes.length });
  return (bytes.length === 4 ? bytes.join(".") : formatIpv6(bytes)) as IpAddress;
};

/** Reads an address in any valid spelling and gives the canonical one; `undefined` if the text is none. */
export const parseAddress = (text: string): IpAddress | undefined => {
  if (text.length > 45) return undefined;
  const bytes = text.includes(":") ? parseIpv6Bytes(text) : parseIpv4Bytes(text);
  return bytes === undefined ? undefined : addressFromBytes(bytes);
};

/** The family of an address. */
export const familyOf = (address: IpAddress): IpFamily => (address.includes(":") ? "IPv6" : "IPv4");

/** Whether an address is an IPv4 address. */
export const isIpv4 = (address: IpAddress): address is Ipv4Address => familyOf(address) === "IPv4";

/** The 4 or 16 bytes of an address in network order. */
export const addressBytes = (address: IpAddress): Uint8Array => {
  const bytes = isIpv4(address) ? parseIpv4Bytes(address) : parseIpv6Bytes(address);
  assert(bytes !== undefined, "not an address", { address });
  return bytes;
};

/** Orders addresses of one family by their numeric value: negative when `left` is the smaller. */
export const compareAddresses = (left: IpAddress, right: IpAddress): number => {
  const a = addressBytes(left);
  const b = addressBytes(right);
  if (a.length !== b.length) return a.length - b.length;
  for (let index = 0; index < a.length; index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
};

/** Whether an address is IPv6 link-local (fe80::/10, RFC 4291 §2.5.6). */
export const isLinkLocal = (address: IpAddress): boolean => {
  const [first = 0, second = 0] = addressBytes(address);
  return !isIpv4(address) && first === 0xfe && (second & 0xc0) === 0x80;
};

/** Whether an address is a multicast group (224.0.0.0/4 or ff00::/8). */
export const isMulticast = (address: IpAddress): boolean => {
  const [first = 0] = addressBytes(address);
  return isIpv4(address) ? first >= 224 && first <= 239 : first === 0xff;
};
