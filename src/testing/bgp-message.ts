/** BGP messages made of hexadecimal, right or wrong, for tests of what reads them. */
import { concatBytes, writeU8, writeU16 } from "#base/bytes";

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
