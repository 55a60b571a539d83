/**
 * DER (X.690), written: the few types that a certificate is made of. Nothing here reads it.
 *
 *  +-----+--------+-----------------+
 *  | tag | length | contents        |   length: one byte below 128,
 *  +-----+--------+-----------------+   else 0x80 + n and n bytes, big-endian, no leading zero
 */
import { assert } from "#base/assert";
import { concatBytes } from "#base/bytes";
import type { WallTime } from "#base/time";
import { asciiBytes } from "./base64.ts";

const lengthBytes = (length: number): Uint8Array => {
  if (length < 0x80) return Uint8Array.of(length);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Uint8Array.of(0x80 | bytes.length, ...bytes);
};

const element = (tag: number, ...parts: readonly Uint8Array[]): Uint8Array => {
  const contents = concatBytes(...parts);
  return concatBytes(Uint8Array.of(tag), lengthBytes(contents.length), contents);
};

/** The bytes of text that must be ASCII: names in certificates are. */
export const ascii = (text: string): Uint8Array => {
  const bytes = asciiBytes(text);
  assert(bytes !== undefined, "only ASCII goes into certificates", { text });
  return bytes;
};

export const sequence = (...parts: readonly Uint8Array[]): Uint8Array => element(0x30, ...parts);
export const set = (part: Uint8Array): Uint8Array => element(0x31, part);
export const octetString = (contents: Uint8Array): Uint8Array => element(0x04, contents);
export const utf8String = (text: string): Uint8Array => element(0x0c, ascii(text));
export const isTrue = (): Uint8Array => element(0x01, Uint8Array.of(0xff));

/** `unused` bits at the end of the last byte do not count; a list of named bits ends with the last that is set. */
export const bitString = (contents: Uint8Array, unused = 0): Uint8Array =>
  element(0x03, Uint8Array.of(unused), contents);

/** A non-negative number from its big-endian bytes: no leading zeros, save the one that keeps it from being negative. */
export const integer = (bytes: Uint8Array): Uint8Array => {
  const start = bytes.findIndex((byte) => byte !== 0);
  if (start < 0) return element(0x02, Uint8Array.of(0));
  const digits = bytes.subarray(start);
  const isNegative = (digits[0] ?? 0) >= 0x80;
  return isNegative ? element(0x02, Uint8Array.of(0), digits) : element(0x02, digits);
};

/** `[number]` around a whole element. */
export const explicit = (number: number, contents: Uint8Array): Uint8Array =>
  element(0xa0 | number, contents);

/** `[number]` in place of the tag of a primitive element. */
export const implicit = (number: number, contents: Uint8Array): Uint8Array =>
  element(0x80 | number, contents);

const base128 = (value: number): readonly number[] => {
  const digits = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) {
    digits.unshift(0x80 | (rest % 128));
  }
  return digits;
};

/** An object identifier as it is written: `2.5.4.3`. */
export const objectIdentifier = (text: string): Uint8Array => {
  const [first = 0, second = 0, ...others] = text.split(".").map(Number);
  return element(0x06, Uint8Array.from([first * 40 + second, ...others].flatMap(base128)));
};

/** To the second, UTC; two digits for the year until 2049, four from then on (RFC 5280 §4.1.2.5). */
export const time = (at: WallTime): Uint8Array => {
  const date = new Date(at);
  const text = `${date.toISOString().slice(0, 19).replaceAll(/[-:T]/g, "")}Z`;
  const year = date.getUTCFullYear();
  assert(year >= 1950 && year <= 9999, "a year that certificates can hold", { year });
  return year < 2050 ? element(0x17, ascii(text.slice(2))) : element(0x18, ascii(text));
};
