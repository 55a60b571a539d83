/**
 * Extended next hop encoding: which families may have next hops of which other one (RFC 8950 §4). One of these for each:
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-------------------------------+-------------------------------+
 * |              AFI              |             SAFI              |  of the routes; the SAFI has two octets here
 * +-------------------------------+-------------------------------+
 * |         Next hop AFI          |
 * +-------------------------------+
 * ```
 */
import { readU16, writeU16 } from "#base/bytes";
import { CAPABILITY } from "../constants.ts";
import type { CapabilityCodec } from "./shape.ts";

const ENTRY_LENGTH = 6;

export const extendedNextHop: CapabilityCodec<"extended-next-hop"> = {
  code: CAPABILITY.extendedNextHop,
  decode: (value) => {
    if (value.length % ENTRY_LENGTH !== 0) return undefined;
    const entries = Array.from({ length: value.length / ENTRY_LENGTH }, (_, index) => {
      const at = index * ENTRY_LENGTH;
      const family = { afi: readU16(value, at), safi: readU16(value, at + 2) };
      return { family, nextHopAfi: readU16(value, at + 4) };
    });
    return { type: "extended-next-hop", entries };
  },
  encode: ({ entries }) => {
    const value = new Uint8Array(entries.length * ENTRY_LENGTH);
    for (const [index, { family, nextHopAfi }] of entries.entries()) {
      const at = index * ENTRY_LENGTH;
      writeU16(value, at, family.afi);
      writeU16(value, at + 2, family.safi);
      writeU16(value, at + 4, nextHopAfi);
    }
    return value;
  },
};
