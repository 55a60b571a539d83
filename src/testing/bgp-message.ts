/** BGP messages made of hexadecimal, right or wrong, for tests of what reads them. */
import { addressFromBytes } from "#base/address";
import { concatBytes, readU8, readU16, toHex, writeU8, writeU16 } from "#base/bytes";

/** The bytes that pairs of digits spell, with spaces wherever they help to read. */
export const octets = (hex: string): Uint8Array =>
  Uint8Array.from(hex.replaceAll(/\s/g, "").match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

/** A message with a right header and whatever body. */
export const rawMessage = (type: number, body: string | Uint8Array): Uint8Array => {
  const content = typeof body === "string" ? octets(body) : body;
  const header = new Uint8Array(19).fill(0xff, 0, 16);
  writeU16(header, 16, header.length + content.length);
  writeU8(header, 18, type);
  return concatBytes(header, content);
};

const withLength = (content: Uint8Array): Uint8Array => {
  const length = new Uint8Array(2);
  writeU16(length, 0, content.length);
  return concatBytes(length, content);
};

/** An UPDATE of these parts, whose two lengths are right. */
export const rawUpdate = (
  parts: {
    readonly withdrawn?: string;
    readonly attributes?: readonly string[];
    readonly nlri?: string;
  } = {},
): Uint8Array =>
  rawMessage(
    2,
    concatBytes(
      withLength(octets(parts.withdrawn ?? "")),
      withLength(octets((parts.attributes ?? []).join(""))),
      octets(parts.nlri ?? ""),
    ),
  );

/** An OPEN of AS 65001 with hold time 180 and router id 10.9.0.1, and these optional parameters with their length. */
export const rawOpen = (
  parts: {
    readonly version?: string;
    readonly asn?: string;
    readonly holdTime?: string;
    readonly routerId?: string;
    readonly parameters?: string;
  } = {},
): Uint8Array =>
  rawMessage(
    1,
    [
      parts.version ?? "04",
      parts.asn ?? "fde9",
      parts.holdTime ?? "00b4",
      parts.routerId ?? "0a090001",
      parts.parameters ?? "00",
    ].join(""),
  );

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
