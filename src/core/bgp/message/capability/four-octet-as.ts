/**
 * Four-octet AS numbers, and the sender's (RFC 6793 §3). That it is not 0 is checked in `open.ts`.
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +---------------------------------------------------------------+
 * |                           AS number                           |
 * +---------------------------------------------------------------+
 * ```
 */
import { readU32, writeU32 } from "#base/bytes";
import { CAPABILITY } from "../constants.ts";
import type { CapabilityCodec } from "./shape.ts";

const LENGTH = 4;

export const fourOctetAs: CapabilityCodec<"four-octet-as"> = {
  code: CAPABILITY.fourOctetAs,
  decode: (value) =>
    value.length === LENGTH ? { type: "four-octet-as", asn: readU32(value, 0) } : undefined,
  encode: ({ asn }) => {
    const value = new Uint8Array(LENGTH);
    writeU32(value, 0, asn);
    return value;
  },
};
