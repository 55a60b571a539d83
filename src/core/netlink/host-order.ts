/**
 * Integers in the CPU's own byte order, which netlink uses for everything but addresses and nftables values.
 *
 * Every CPU we ship for is little-endian; on another one this module refuses to load. Reads and writes past the
 * end are our mistake and assert, as in `#base/bytes`.
 */
import { assert } from "#base/assert";

assert(new Uint8Array(new Uint16Array([1]).buffer)[0] === 1, "netlink codecs need a little-endian CPU");

/** The 16-bit host-order integer at `offset`. */
export const readHostU16 = (bytes: Uint8Array, offset: number): number => {
  const low = bytes[offset];
  const high = bytes[offset + 1];
  assert(low !== undefined && high !== undefined, "read past the end", { offset, length: bytes.length });
  return low | (high << 8);
};

/** The 32-bit unsigned host-order integer at `offset`. */
export const readHostU32 = (bytes: Uint8Array, offset: number): number =>
  readHostU16(bytes, offset) + readHostU16(bytes, offset + 2) * 0x1_0000;

/** The 32-bit signed host-order integer at `offset`. */
export const readHostI32 = (bytes: Uint8Array, offset: number): number => readHostU32(bytes, offset) | 0;

/** Writes the low 16 bits of `value` at `offset` in host order. */
export const writeHostU16 = (bytes: Uint8Array, offset: number, value: number): void => {
  assert(offset + 2 <= bytes.length, "write past the end", { offset, length: bytes.length });
  bytes[offset] = value;
  bytes[offset + 1] = value >>> 8;
};

/** Writes the low 32 bits of `value` at `offset` in host order. */
export const writeHostU32 = (bytes: Uint8Array, offset: number, value: number): void => {
  writeHostU16(bytes, offset, value);
  writeHostU16(bytes, offset + 2, value >>> 16);
};
