/**
 * Reading netlink attributes: type, length, value, padded to 4 bytes (linux/netlink.h, `struct nlattr`).
 *
 * ```
 *  0               2               4
 * +---------------+---------------+-----------------------+ - - - - +
 * |    length     |N|B|   type    |  length - 4 bytes     | padding |
 * +---------------+---------------+-----------------------+ - - - - +
 *                  N nested, B network byte order: both hints only
 * ```
 *
 * Values are views into the bytes they were read from: copy what must outlive the receive buffer.
 */
import { type Decoded, decoded, refused } from "#base/decoded";
import { NLA_HEADER_LENGTH, NLA_TYPE_MASK } from "./constants.ts";
import { readHostU16, readHostU32 } from "./host-order.ts";

/** One attribute with the two hint bits removed from its type. */
export type Attribute = { readonly type: number; readonly value: Uint8Array };

/** The attributes of one object by type. */
export type Attributes = ReadonlyMap<number, Uint8Array>;

/** Reads a run of attributes in order, as lists with repeated types need it. */
export const decodeAttributeList = (
  bytes: Uint8Array,
): Decoded<readonly Attribute[], "truncated" | "bad-length"> => {
  const attributes: Attribute[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    if (bytes.length - offset < NLA_HEADER_LENGTH) return refused("truncated");
    const length = readHostU16(bytes, offset);
    if (length < NLA_HEADER_LENGTH || length > bytes.length - offset) return refused("bad-length");
    attributes.push({
      type: readHostU16(bytes, offset + 2) & NLA_TYPE_MASK,
      value: bytes.subarray(offset + NLA_HEADER_LENGTH, offset + length),
    });
    offset += (length + 3) & ~3;
  }
  return decoded(attributes);
};

/** Reads a run of attributes by type; of a repeated type the last one counts, as in the kernel. */
export const decodeAttributes = (bytes: Uint8Array): Decoded<Attributes, "truncated" | "bad-length"> => {
  const list = decodeAttributeList(bytes);
  return list.ok ? decoded(new Map(list.value.map(({ type, value }) => [type, value]))) : list;
};

/** The byte that an attribute holds; `undefined` when it is missing or empty. */
export const u8Of = (value: Uint8Array | undefined): number | undefined => value?.[0];

/** The 32-bit host-order integer that an attribute holds; `undefined` when it is missing or has another size. */
export const u32Of = (value: Uint8Array | undefined): number | undefined =>
  value?.length === 4 ? readHostU32(value, 0) : undefined;

/** The text of an attribute up to its NUL, bytes above 127 as U+FFFD; `undefined` when it is missing. */
export const textOf = (value: Uint8Array | undefined): string | undefined => {
  if (value === undefined) return undefined;
  let text = "";
  for (const byte of value) {
    if (byte === 0) break;
    text += byte < 0x80 ? String.fromCharCode(byte) : "\ufffd";
  }
  return text;
};
