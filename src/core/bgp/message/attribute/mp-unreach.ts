/**
 * MP_UNREACH_NLRI: routes of any family that are withdrawn (RFC 4760 §4). Without any it says that all of that family have been told
 * (RFC 4724 §2).
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-------------------------------+---------------+---------------+
 * |              AFI              |     SAFI      |  Prefixes: `nlri.ts`
 * +-------------------------------+---------------+---------------+
 * ```
 */
import type { IpFamily } from "#base/address";
import { readU8, readU16, writeU16 } from "#base/bytes";
import { AFI, ATTRIBUTE, SAFI } from "../constants.ts";
import type { FamilyCode } from "../message.ts";
import { countPrefixes } from "../nlri.ts";
import { bitsOf } from "./mp-reach.ts";
import type { AttributeRule } from "./shape.ts";

const PREFIXES_AT = 3;

export type Unreach = {
  readonly family: FamilyCode;
  /** Those that can be counted: of IPv4 and IPv6. */
  readonly prefixes: number;
  /** Whether it says nothing but which family: the end of its table. */
  readonly isEmpty: boolean;
};

/** RFC 7606 §5.3: with other flags nothing in it can be relied on. Its value is read in `update.ts`. */
export const mpUnreachNlri: AttributeRule = {
  code: ATTRIBUTE.mpUnreachNlri,
  category: "optional-non-transitive",
  wrongFlags: "session-reset",
  check: () => undefined,
};

/** Reads the value; `undefined` where it is malformed, so that its routes are not known (RFC 7606 §5.3, §7.12). */
export const readUnreach = (value: Uint8Array): Unreach | undefined => {
  if (value.length < PREFIXES_AT) return undefined;
  const family = { afi: readU16(value, 0), safi: readU8(value, 2) };
  const bits = bitsOf(family);
  const prefixes = bits === undefined ? 0 : countPrefixes(value.subarray(PREFIXES_AT), bits);
  return prefixes === undefined ? undefined : { family, prefixes, isEmpty: value.length === PREFIXES_AT };
};

/** The value up to where prefixes begin. */
export const encodeUnreachHead = (family: IpFamily): Uint8Array => {
  const head = new Uint8Array(PREFIXES_AT);
  writeU16(head, 0, AFI[family]);
  head[2] = SAFI.unicast;
  return head;
};
