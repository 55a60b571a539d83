/**
 * Classic BPF programs that let a responder's socket see only what is about one of its addresses.
 *
 * Thousands of addresses do not fit into the kernel's 4096 instructions one by one. So the program looks for a word in
 * a bounded number of ranges, by a search tree: of an IPv4 address the whole, of an IPv6 address the last four bytes.
 * What it lets through is a little more than what was asked for.
 *
 * ```
 *  tree of several ranges          tree of one range
 *      word >= pivot ? 0 : 1           word >= low ? 0 : miss
 *      goto right                      word > high ? miss : 0
 *      left: tree                      accept
 *      right: tree               miss: goto the end of the tree
 * ```
 */
import { concatBytes } from "#base/bytes";
import { instruction, LOAD_WORD, NONE_OF_IT, RETURN, WHOLE_PACKET } from "./filter.ts";
import type { Range } from "./ranges.ts";

/** Loads the byte at the offset that is the constant. */
export const LOAD_BYTE = 0x30;
/** Skips so many instructions as the constant says. */
export const JUMP = 0x05;
/** Compares what was loaded with the constant. */
export const JUMP_IF_EQUAL = 0x15;
/** Compares what was loaded with the constant. */
export const JUMP_IF_ABOVE = 0x25;
/** Compares what was loaded with the constant. */
export const JUMP_IF_AT_LEAST = 0x35;

/** Where a load finds how the frame came, instead of its bytes: SKF_AD_OFF + SKF_AD_PKTTYPE (linux/filter.h). */
const PACKET_TYPE = 0xffff_f004;
/** PACKET_OTHERHOST, and from there on what this host sent itself: nothing for us. */
const FOR_OTHERS = 3;

/** Where an ARP packet has its addresses. */
const ARP = { sender: 14, target: 24 } as const;
/** Where an IPv6 packet has the protocol, the last word of the source, the ICMPv6 type, the last word of the target. */
const NDP = { nextHeader: 6, source: 20, type: 40, target: 60 } as const;
const ICMPV6 = 58;
const SOLICITATION = 135;
const ADVERTISEMENT = 136;

/** So many ranges fit twice, six instructions each. */
export const MOST_RANGES = 256;

const sizeOf = (ranges: number): number => (ranges === 0 ? 0 : 6 * ranges - 2);

/** Accepts the packet if the loaded word is in one of the ranges, else goes on after the tree and `tail` instructions more. */
const tree = (ranges: readonly Range[], tail: number): readonly Uint8Array[] => {
  const [only] = ranges;
  if (only === undefined) return [];
  if (ranges.length === 1) {
    return [
      instruction(JUMP_IF_AT_LEAST, only.low, 2),
      instruction(JUMP_IF_ABOVE, only.high, 0, 1),
      instruction(RETURN, WHOLE_PACKET),
      instruction(JUMP, tail),
    ];
  }
  const half = ranges.length >>> 1;
  const [left, right] = [ranges.slice(0, half), ranges.slice(half)];
  return [
    instruction(JUMP_IF_AT_LEAST, right[0]?.low ?? 0, 1),
    instruction(JUMP, sizeOf(left.length)),
    ...tree(left, sizeOf(right.length) + tail),
    ...tree(right, tail),
  ];
};

/** Nothing of the packet passes. */
export const REFUSE = instruction(RETURN, NONE_OF_IT);

/** Goes on if the byte is this one. */
export const requireByte = (offset: number, value: number): readonly Uint8Array[] => [
  instruction(LOAD_BYTE, offset),
  instruction(JUMP_IF_EQUAL, value, 0, 1),
  REFUSE,
];

/** Goes on if the frame came from outside and is for this host. */
export const requireHeard: readonly Uint8Array[] = [
  instruction(LOAD_BYTE, PACKET_TYPE),
  instruction(JUMP_IF_AT_LEAST, FOR_OTHERS, 1),
  REFUSE,
];

/** Accepts the packet if the word at the offset is in one of the ranges, else goes on. */
export const search = (ranges: readonly Range[], offset: number): readonly Uint8Array[] => [
  instruction(LOAD_WORD, offset),
  ...tree(ranges, 0),
];

/** Passes ARP packets from or for an address in these ranges. */
export const arpRangeFilter = (ranges: readonly Range[]): Uint8Array =>
  concatBytes(...requireHeard, ...search(ranges, ARP.target), ...search(ranges, ARP.sender), REFUSE);

/** Passes ARP packets from an address in these ranges: what claims it, and no questions for it. */
export const arpClaimFilter = (ranges: readonly Range[]): Uint8Array =>
  concatBytes(...requireHeard, ...search(ranges, ARP.sender), REFUSE);

/** Passes solicitations and advertisements from or for an address whose last word is in these ranges. */
export const ndpRangeFilter = (ranges: readonly Range[]): Uint8Array =>
  concatBytes(
    ...requireByte(NDP.nextHeader, ICMPV6),
    ...requireHeard,
    instruction(LOAD_BYTE, NDP.type),
    instruction(JUMP_IF_AT_LEAST, SOLICITATION, 1),
    instruction(JUMP_IF_ABOVE, ADVERTISEMENT, 1),
    REFUSE,
    ...search(ranges, NDP.target),
    ...search(ranges, NDP.source),
    REFUSE,
  );

/** Passes advertisements of an address whose last word is in these ranges. */
export const ndpClaimFilter = (ranges: readonly Range[]): Uint8Array =>
  concatBytes(
    ...requireByte(NDP.nextHeader, ICMPV6),
    ...requireHeard,
    ...requireByte(NDP.type, ADVERTISEMENT),
    ...search(ranges, NDP.target),
    REFUSE,
  );
