/**
 * Reading and writing integers in byte strings, big-endian unless the name says otherwise.
 *
 * The caller has checked the length: reading past the end is our mistake and asserts.
 */
import { assert } from "./assert.ts";

/** The byte at `offset`. */
export const readU8 = (bytes: Uint8Array, offset: number): number => {
  const value = bytes[offset];
  assert(value !== undefined, "read past the end", { offset, length: bytes.length });
  return value;
};
/** The 16-bit big-endian integer at `offset`. */
export const readU16 = (bytes: Uint8Array, offset: number): number =>
  (readU8(bytes, offset) << 8) | readU8(bytes, offset + 1);
/** The 32-bit big-endian integer at `offset`. */
export const readU32 = (bytes: Uint8Array, offset: number): number =>
  readU16(bytes, offset) * 0x1_0000 + readU16(bytes, offset + 2);

/** Writes the low 8 bits of `value` at `offset`. */
export const writeU8 = (bytes: Uint8Array, offset: number, value: number): void => {
  assert(offset < bytes.length, "write past the end", { offset, length: bytes.length });
  bytes[offset] = value & 0xff;
};
/** Writes the low 16 bits of `value` at `offset`, big-endian. */
export const writeU16 = (bytes: Uint8Array, offset: number, value: number): void => {
  writeU8(bytes, offset, value >>> 8);
  writeU8(bytes, offset + 1, value);
};
/** Writes the low 32 bits of `value` at `offset`, big-endian. */
export const writeU32 = (bytes: Uint8Array, offset: number, value: number): void => {
  writeU16(bytes, offset, value >>> 16);
  writeU16(bytes, offset + 2, value);
};

/** Several byte strings, one after the other, in a new array. */
export const concatBytes = (...parts: readonly Uint8Array[]): Uint8Array => {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
};

/** Lower-case hexadecimal, two digits a byte, no separators. */
export const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
