/**
 * AS_PATH: through which autonomous systems a route came (RFC 4271 §5.1.2), and AS4_PATH, the same for those who do not read four-octet
 * numbers but pass them on (RFC 6793 §3). A path is a list of segments:
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +---------------+---------------+-------------------------------+
 * |     Type      | Count, 1..255 |  AS numbers, 2 or 4 octets    |
 * +---------------+---------------+-------------------------------+
 * ```
 */
import { readU8, readU16, readU32, writeU8, writeU16, writeU32 } from "#base/bytes";
import { asnField } from "../as-number.ts";
import { ATTRIBUTE } from "../constants.ts";
import type { EncodeContext } from "../context.ts";
import { type AttributeRule, discard, encodeAttribute, isExternal, withdraw } from "./shape.ts";

const SEGMENT = { set: 1, sequence: 2, confedSequence: 3, confedSet: 4 } as const;
const MOST_IN_SEGMENT = 255;

type Shape = { readonly asnOctets: 2 | 4; readonly lastType: number };

/** Whether a path consists of whole segments of known types, none of them empty, and no AS number is 0 (RFC 7606 §7.2, RFC 7607 §2). */
const isPath = (value: Uint8Array, { asnOctets, lastType }: Shape): boolean => {
  let offset = 0;
  while (offset < value.length) {
    const type = readU8(value, offset);
    const count = value[offset + 1] ?? 0;
    const end = offset + 2 + count * asnOctets;
    if (type < SEGMENT.set || type > lastType || count === 0 || end > value.length) return false;
    for (let at = offset + 2; at < end; at += asnOctets) {
      if ((asnOctets === 2 ? readU16(value, at) : readU32(value, at)) === 0) return false;
    }
    offset = end;
  }
  return true;
};

/** RFC 7606 §7.2. Confederations (RFC 5065 §5) show themselves to their own members only. */
export const asPath: AttributeRule = {
  code: ATTRIBUTE.asPath,
  category: "well-known",
  check: (value, context) => {
    const lastType = isExternal(context) ? SEGMENT.sequence : SEGMENT.confedSet;
    return isPath(value, { asnOctets: context.hasFourOctetAsn ? 4 : 2, lastType })
      ? undefined
      : withdraw("malformed-as-path");
  },
};

/** RFC 6793 §6: malformed, or from someone who has no need of it, it is left out. */
export const as4Path: AttributeRule = {
  code: ATTRIBUTE.as4Path,
  category: "optional-transitive",
  isIgnored: ({ hasFourOctetAsn }) => hasFourOctetAsn,
  check: (value) =>
    value.length > 0 && isPath(value, { asnOctets: 4, lastType: SEGMENT.confedSet })
      ? undefined
      : discard("optional-attribute-error"),
};

/** One sequence, in as many segments as it needs. */
const encodePath = (path: readonly number[], asnOctets: 2 | 4): Uint8Array => {
  const segments = Math.ceil(path.length / MOST_IN_SEGMENT);
  const bytes = new Uint8Array(segments * 2 + path.length * asnOctets);
  let offset = 0;
  for (const [index, asn] of path.entries()) {
    if (index % MOST_IN_SEGMENT === 0) {
      writeU8(bytes, offset, SEGMENT.sequence);
      writeU8(bytes, offset + 1, Math.min(MOST_IN_SEGMENT, path.length - index));
      offset += 2;
    }
    if (asnOctets === 2) writeU16(bytes, offset, asnField(asn));
    else writeU32(bytes, offset, asn);
    offset += asnOctets;
  }
  return bytes;
};

export const encodeAsPath = (
  path: readonly number[],
  { hasFourOctetAsn }: Pick<EncodeContext, "hasFourOctetAsn">,
): Uint8Array => encodeAttribute(asPath, encodePath(path, hasFourOctetAsn ? 4 : 2));

/** `undefined` where AS_PATH says everything (RFC 6793 §4.2.2). */
export const encodeAs4Path = (
  path: readonly number[],
  { hasFourOctetAsn }: Pick<EncodeContext, "hasFourOctetAsn">,
): Uint8Array | undefined =>
  hasFourOctetAsn || path.every((asn) => asnField(asn) === asn)
    ? undefined
    : encodeAttribute(as4Path, encodePath(path, 4));
