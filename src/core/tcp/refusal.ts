/**
 * A word of ICMP (RFC 792, RFC 4443 §3.1) that a segment of ours was not let through: what firewalls say that reject.
 *
 * ```
 * +---------------+---------------+-------------------------------+
 * |  Type: 3, 1   |     Code      |           Checksum            |
 * +---------------+---------------+-------------------------------+
 * |                            Unused                             |
 * +---------------------------------------------------------------+
 * |      IP header of the segment, and at least its 8 bytes       |
 * +---------------------------------------------------------------+
 * ```
 */
import { addressFromBytes } from "#base/address";
import { readU8, readU16, readU32 } from "#base/bytes";
import { type Decoded, decoded, refused } from "#base/decoded";
import type { Flow } from "./segment.ts";

/** The segment that was not let through. */
export type Refusal = Flow & {
  /** Its sequence number: who has not seen the segment does not know it. */
  readonly sequence: number;
};

/** Why a packet was dropped, in the order of the checks. */
export const REFUSAL_REASONS = ["truncated", "not-icmp", "type", "fragment", "citation"] as const;
/** Why a packet was dropped. */
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

const TCP = 6;
const ICMP_HEADER = 8;
/** Ports and sequence number. */
const CITED = 8;
const FRAGMENT_BITS = 0x3fff;
/** Destination Unreachable, and of its codes the one that asks for smaller packets and refuses nothing. */
const ICMPV4 = { protocol: 1, unreachable: 3, fragmentationNeeded: 4 } as const;
const ICMPV6 = { protocol: 58, unreachable: 1 } as const;

/** Where things are in a packet of this version; headers with options and extensions are not followed. */
const LAYOUT = {
  4: {
    header: 20,
    protocolAt: 9,
    protocol: ICMPV4.protocol,
    type: ICMPV4.unreachable,
    source: 12,
    length: 4,
  },
  6: {
    header: 40,
    protocolAt: 6,
    protocol: ICMPV6.protocol,
    type: ICMPV6.unreachable,
    source: 8,
    length: 16,
  },
} as const;

type Layout = (typeof LAYOUT)[4 | 6];

const layoutOf = (bytes: Uint8Array): Layout | undefined => {
  const first = bytes[0];
  if (first === 0x45) return LAYOUT[4];
  return first !== undefined && first >> 4 === 6 ? LAYOUT[6] : undefined;
};

const decodeCitation = (cited: Uint8Array, layout: Layout): Decoded<Refusal, RefusalReason> => {
  const { header, protocolAt, source, length } = layout;
  if (layoutOf(cited) !== layout || readU8(cited, protocolAt) !== TCP) return refused("citation");
  const isFragment = layout === LAYOUT[4] && (readU16(cited, 6) & FRAGMENT_BITS) !== 0;
  if (isFragment) return refused("citation");
  return decoded({
    source: addressFromBytes(cited.subarray(source, source + length)),
    destination: addressFromBytes(cited.subarray(source + length, source + 2 * length)),
    sourcePort: readU16(cited, header),
    destinationPort: readU16(cited, header + 2),
    sequence: readU32(cited, header + 4),
  });
};

/** Reads an IP packet that says of a segment that it was refused. Who sent it does not matter: any box on the way may. */
export const decodeRefusal = (bytes: Uint8Array): Decoded<Refusal, RefusalReason> => {
  const layout = layoutOf(bytes);
  if (layout === undefined) return refused("not-icmp");
  const { header, protocolAt, protocol, type } = layout;
  if (bytes.length < header + ICMP_HEADER + header + CITED) return refused("truncated");
  if (readU8(bytes, protocolAt) !== protocol) return refused("not-icmp");
  if (layout === LAYOUT[4] && (readU16(bytes, 6) & FRAGMENT_BITS) !== 0) return refused("fragment");
  const isRefusal =
    readU8(bytes, header) === type &&
    !(layout === LAYOUT[4] && readU8(bytes, header + 1) === ICMPV4.fragmentationNeeded);
  if (!isRefusal) return refused("type");
  return decodeCitation(bytes.subarray(header + ICMP_HEADER), layout);
};
