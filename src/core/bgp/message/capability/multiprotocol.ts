/**
 * Multiprotocol extensions: a family that routes may be of (RFC 4760 §8), one capability for each.
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-------------------------------+---------------+---------------+
 * |              AFI              |   Reserved    |     SAFI      |
 * +-------------------------------+---------------+---------------+
 * ```
 */
import { readU8, readU16, writeU8, writeU16 } from "#base/bytes";
import { CAPABILITY } from "../constants.ts";
import type { CapabilityCodec } from "./shape.ts";

const LENGTH = 4;

export const multiprotocol: CapabilityCodec<"multiprotocol"> = {
  code: CAPABILITY.multiprotocol,
  decode: (value) =>
    value.length === LENGTH
      ? { type: "multiprotocol", family: { afi: readU16(value, 0), safi: readU8(value, 3) } }
      : undefined,
  encode: ({ family }) => {
    const value = new Uint8Array(LENGTH);
    writeU16(value, 0, family.afi);
    writeU8(value, 3, family.safi);
    return value;
  },
};
