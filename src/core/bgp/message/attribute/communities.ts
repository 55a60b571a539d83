/**
 * Labels on routes, each attribute a list of one kind: COMMUNITIES (RFC 1997, RFC 7606 §7.8), extended ones (RFC 4360, RFC 7606 §7.14; with an
 * IPv6 address: RFC 5701, RFC 7606 §7.15) and large ones (RFC 8092).
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-------------------------------+-------------------------------+
 * |           AS number           |             Value             |  community
 * +-------------------------------+-------------------------------+
 *
 * +---------------+---------------+-------------------------------+
 * | Type  = 0x40  | Subtype = 4   |           AS number           |  extended community: link bandwidth
 * +---------------+---------------+-------------------------------+
 * |            Octets a second, IEEE 754 single precision         |
 * +---------------------------------------------------------------+
 *
 * +---------------------------------------------------------------+
 * |                     Global administrator                      |  large community
 * +---------------------------------------------------------------+
 * |                       Local data part 1                       |
 * +---------------------------------------------------------------+
 * |                       Local data part 2                       |
 * +---------------------------------------------------------------+
 * ```
 */
import type { LargeCommunity, StandardCommunity } from "../../route.ts";
import { asnField } from "../as-number.ts";
import { ATTRIBUTE } from "../constants.ts";
import type { PathAttributes } from "../message.ts";
import { type AttributeRule, encodeAttribute, encodeWords, listOf } from "./shape.ts";

const EXTENDED_LENGTH = 8;
const IPV6_EXTENDED_LENGTH = 20;
const LARGE_LENGTH = 12;

/** Of two-octet AS numbers, not transitive (RFC 7153 §5.2), and its subtype for link bandwidth. */
const LINK_BANDWIDTH = { type: 0x40, subtype: 0x04 } as const;

export const communities: AttributeRule = {
  code: ATTRIBUTE.communities,
  category: "optional-transitive",
  check: listOf(4),
};

export const extendedCommunities: AttributeRule = {
  code: ATTRIBUTE.extendedCommunities,
  category: "optional-transitive",
  check: listOf(EXTENDED_LENGTH),
};

export const ipv6ExtendedCommunities: AttributeRule = {
  code: ATTRIBUTE.ipv6ExtendedCommunities,
  category: "optional-transitive",
  check: listOf(IPV6_EXTENDED_LENGTH),
};

/** RFC 8092 §5. */
export const largeCommunities: AttributeRule = {
  code: ATTRIBUTE.largeCommunities,
  category: "optional-transitive",
  check: listOf(LARGE_LENGTH),
};

/** `undefined` without any: an empty list is malformed. */
export const encodeCommunities = (values: readonly StandardCommunity[]): Uint8Array | undefined =>
  values.length === 0 ? undefined : encodeAttribute(communities, encodeWords(values));

/** `undefined` without any: an empty list is malformed. */
export const encodeLargeCommunities = (values: readonly LargeCommunity[]): Uint8Array | undefined =>
  values.length === 0
    ? undefined
    : encodeAttribute(
        largeCommunities,
        encodeWords(values.flatMap(({ administrator, first, second }) => [administrator, first, second])),
      );

/** `undefined` without one. */
export const encodeLinkBandwidth = (value: PathAttributes["linkBandwidth"]): Uint8Array | undefined => {
  if (value === undefined) return undefined;
  const bytes = new Uint8Array(EXTENDED_LENGTH);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, LINK_BANDWIDTH.type);
  view.setUint8(1, LINK_BANDWIDTH.subtype);
  view.setUint16(2, asnField(value.asn));
  view.setFloat32(4, value.bytesPerSecond);
  return encodeAttribute(extendedCommunities, bytes);
};
