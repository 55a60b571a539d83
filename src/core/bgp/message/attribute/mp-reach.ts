/**
 * MP_REACH_NLRI: routes of any family and where they lead (RFC 4760 §3).
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-------------------------------+---------------+---------------+
 * |              AFI              |     SAFI      | Next hop len  |
 * +-------------------------------+---------------+---------------+
 * |  Next hop: 4, 16, or 32 octets with a link-local one          |
 * +---------------+-----------------------------------------------+
 * |   Reserved    |  Prefixes: `nlri.ts`                          |
 * +---------------+-----------------------------------------------+
 * ```
 */
import { addressBytes, addressFromBytes, type IpAddress, type IpFamily } from "#base/address";
import { concatBytes, readU8, readU16, writeU16 } from "#base/bytes";
import type { NextHop } from "../../route.ts";
import { AFI, ATTRIBUTE, SAFI } from "../constants.ts";
import type { FamilyCode } from "../message.ts";
import { countPrefixes } from "../nlri.ts";
import type { AttributeRule } from "./shape.ts";

const NEXT_HOP_AT = 4;
const ADDRESS_LENGTH = 16;

export type Reach = {
  readonly family: FamilyCode;
  /** A global one first; none where the family is none of ours. */
  readonly nextHops: readonly IpAddress[];
  /** Those that can be counted: of IPv4 and IPv6. */
  readonly prefixes: number;
  /** Whether there is anything where prefixes stand. */
  readonly hasRoutes: boolean;
};

/** RFC 7606 §5.3: with other flags nothing in it can be relied on. Its value is read in `update.ts`. */
export const mpReachNlri: AttributeRule = {
  code: ATTRIBUTE.mpReachNlri,
  category: "optional-non-transitive",
  wrongFlags: "session-reset",
  check: () => undefined,
};

/** The bits of an address whose prefixes have the plain shape; `undefined`: we do not know the family's. */
export const bitsOf = ({ afi, safi }: FamilyCode): 32 | 128 | undefined => {
  if (safi !== SAFI.unicast && safi !== SAFI.multicast) return undefined;
  if (afi === AFI.IPv4) return 32;
  return afi === AFI.IPv6 ? 128 : undefined;
};

/** RFC 2545 §3 for IPv6, RFC 8950 §3 for IPv4 behind IPv6. */
const isNextHopLength = (length: number, bits: 32 | 128): boolean =>
  length === ADDRESS_LENGTH || length === 2 * ADDRESS_LENGTH || (bits === 32 && length === 4);

const readNextHops = (bytes: Uint8Array): readonly IpAddress[] => {
  if (bytes.length <= ADDRESS_LENGTH) return [addressFromBytes(bytes)];
  return [
    addressFromBytes(bytes.subarray(0, ADDRESS_LENGTH)),
    addressFromBytes(bytes.subarray(ADDRESS_LENGTH)),
  ];
};

/** Reads the value; `undefined` where it is malformed, so that its routes are not known (RFC 7606 §5.3, §7.11). */
export const readReach = (value: Uint8Array): Reach | undefined => {
  if (value.length < NEXT_HOP_AT + 1) return undefined;
  const family = { afi: readU16(value, 0), safi: readU8(value, 2) };
  const nextHopEnd = NEXT_HOP_AT + readU8(value, 3);
  const prefixesAt = nextHopEnd + 1;
  if (prefixesAt > value.length) return undefined;
  const hasRoutes = prefixesAt < value.length;
  const bits = bitsOf(family);
  if (bits === undefined) return { family, nextHops: [], prefixes: 0, hasRoutes };
  if (!isNextHopLength(nextHopEnd - NEXT_HOP_AT, bits)) return undefined;
  const prefixes = countPrefixes(value.subarray(prefixesAt), bits);
  if (prefixes === undefined) return undefined;
  return { family, nextHops: readNextHops(value.subarray(NEXT_HOP_AT, nextHopEnd)), prefixes, hasRoutes };
};

/** The value up to where prefixes begin. */
export const encodeReachHead = (family: IpFamily, { address, linkLocal }: NextHop): Uint8Array => {
  const nextHop = concatBytes(
    addressBytes(address),
    linkLocal === undefined ? new Uint8Array(0) : addressBytes(linkLocal),
  );
  const head = new Uint8Array(NEXT_HOP_AT + nextHop.length + 1);
  writeU16(head, 0, AFI[family]);
  head[2] = SAFI.unicast;
  head[3] = nextHop.length;
  head.set(nextHop, NEXT_HOP_AT);
  return head;
};
