/**
 * What every path attribute begins with (RFC 4271 §4.3), and what each file about one has.
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-------+---------------+-------------------------------+
 * |O|T|P|E|   0   |   Type code   |  Length: 8 bits, with E 16    |  Optional, Transitive, Partial, Extended Length
 * +-+-+-+-+-------+---------------+-------------------------------+
 * ```
 */
import { readU8, readU16, writeU8, writeU16 } from "#base/bytes";
import { FLAG } from "../constants.ts";
import type { DecodeContext } from "../context.ts";
import type { SubcodeWord } from "../error-codes.ts";

/** Of the Optional and the Transitive bit, those that an attribute has to have. */
export const CATEGORY = {
  "well-known": FLAG.transitive,
  "optional-transitive": FLAG.optional | FLAG.transitive,
  "optional-non-transitive": FLAG.optional,
} as const;
export type Category = keyof typeof CATEGORY;

/** What becomes of an UPDATE with a malformed attribute, the mildest first (RFC 7606 §2). */
export type Action = "attribute-discard" | "treat-as-withdraw" | "session-reset";

/** What is wrong with an attribute. */
export type Fault = {
  readonly action: Action;
  /** What a NOTIFICATION says of it, if there is one. */
  readonly subcode: SubcodeWord<"update">;
};

/** What is asked of an attribute that a peer sends. */
export type AttributeRule = {
  readonly code: number;
  readonly category: Category;
  /** What becomes of one with other flags; RFC 7606 §3 (c) has treat-as-withdraw where nothing else is said. */
  readonly wrongFlags?: Action;
  /** Peers from which it means nothing, whatever it holds. */
  readonly isIgnored?: (context: DecodeContext) => boolean;
  /** What is wrong with its value; `undefined`: nothing. */
  readonly check: (value: Uint8Array, context: DecodeContext) => Fault | undefined;
};

/** One attribute as it came: views. */
export type Attribute = {
  readonly code: number;
  readonly flags: number;
  readonly value: Uint8Array;
  /** All of it. */
  readonly bytes: Uint8Array;
};

export type AttributeList = {
  readonly attributes: readonly Attribute[];
  /** The type code of an attribute that goes on behind the end of the list (RFC 7606 §4); 0 where not even that is there. */
  readonly cutOff: number | undefined;
};

/** Cuts the list into attributes, up to one that does not fit. */
export const readAttributes = (bytes: Uint8Array): AttributeList => {
  const attributes: Attribute[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const flags = readU8(bytes, offset);
    const code = bytes[offset + 1] ?? 0;
    const start = offset + ((flags & FLAG.extendedLength) === 0 ? 3 : 4);
    if (start > bytes.length) return { attributes, cutOff: code };
    const end = start + (start - offset === 3 ? readU8(bytes, offset + 2) : readU16(bytes, offset + 2));
    if (end > bytes.length) return { attributes, cutOff: code };
    attributes.push({
      ...{ code, flags },
      value: bytes.subarray(start, end),
      bytes: bytes.subarray(offset, end),
    });
    offset = end;
  }
  return { attributes, cutOff: undefined };
};

/** Writes an attribute; its length has two octets only where one is not enough. */
export const encodeAttribute = (
  { code, category }: Pick<AttributeRule, "code" | "category">,
  value: Uint8Array,
): Uint8Array => {
  const isLong = value.length > 0xff;
  const start = isLong ? 4 : 3;
  const bytes = new Uint8Array(start + value.length);
  writeU8(bytes, 0, CATEGORY[category] | (isLong ? FLAG.extendedLength : 0));
  writeU8(bytes, 1, code);
  if (isLong) writeU16(bytes, 2, value.length);
  else writeU8(bytes, 2, value.length);
  bytes.set(value, start);
  return bytes;
};

/** Numbers of 32 bits, one after the other. */
export const encodeWords = (words: readonly number[]): Uint8Array => {
  const bytes = new Uint8Array(words.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, word] of words.entries()) view.setUint32(index * 4, word);
  return bytes;
};

/** The routes of the message count as withdrawn, unless there are none: then the session ends with this subcode. */
export const withdraw = (subcode: SubcodeWord<"update">): Fault => ({ action: "treat-as-withdraw", subcode });

/** The attribute is left out, and the rest of the message stands. */
export const discard = (subcode: SubcodeWord<"update">): Fault => ({ action: "attribute-discard", subcode });

/** A check that the value has exactly so many octets. */
export const exactly =
  (length: number, fault: (subcode: SubcodeWord<"update">) => Fault = withdraw): AttributeRule["check"] =>
  (value) =>
    value.length === length ? undefined : fault("attribute-length-error");

/** A check that the value is a list of things of so many octets, and not empty. */
export const listOf =
  (length: number): AttributeRule["check"] =>
  (value) =>
    value.length > 0 && value.length % length === 0 ? undefined : withdraw("attribute-length-error");

/** Whether the peer is in another autonomous system. */
export const isExternal = ({ kind }: DecodeContext): boolean => kind !== "internal";
