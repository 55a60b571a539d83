/**
 * Classic BPF programs that let a socket see only what answers the first segment of a handshake: of all the traffic of a link.
 *
 * ```
 *  came from outside, and is for us?       no: nothing
 *  TCP?    to one of our ports, and a reset or SYN with ACK, from one of the addresses?
 *  ICMP?   "unreachable", of a segment from one of our ports to one of the addresses?
 * ```
 *
 * Headers with options or extensions do not pass: an answer to what we sent has none.
 */
import type { IpFamily } from "#base/address";
import { concatBytes } from "#base/bytes";
import { instruction } from "./filter.ts";
import {
  JUMP,
  JUMP_IF_ABOVE,
  JUMP_IF_AT_LEAST,
  JUMP_IF_EQUAL,
  LOAD_BYTE,
  REFUSE,
  requireByte,
  requireHeard,
  search,
} from "./range-filter.ts";
import type { Range } from "./ranges.ts";
import type { PortRange } from "./segment-port.ts";

const LOAD_HALF = 0x28;
/** Keeps the bits of what was loaded that the constant has. */
const AND = 0x54;
const JUMP_IF_ANY_BIT = 0x45;

const TCP = 6;
const FLAG = { reset: 0x04, synAndAcknowledge: 0x12 } as const;
/** More Fragments, and the offset of one that is not the first. */
const FRAGMENT_BITS = 0x3fff;

/** Goes on if the IPv4 packet has no options and is whole. */
const requirePlain: readonly Uint8Array[] = [
  ...requireByte(0, 0x45),
  instruction(LOAD_HALF, 6),
  instruction(JUMP_IF_ANY_BIT, FRAGMENT_BITS, 1),
  REFUSE,
];

/** Where things are in an IP packet, by family. Offsets into ICMP are those of the packet that it cites. */
const LAYOUT = {
  IPv4: {
    ...{ protocol: 9, source: 12, port: 22, flags: 33 },
    ...{ icmp: 1, type: 20, unreachable: 3, citedProtocol: 37, citedTarget: 44, citedPort: 48 },
    first: requirePlain,
    citedFirst: requireByte(28, 0x45),
  },
  IPv6: {
    ...{ protocol: 6, source: 20, port: 42, flags: 53 },
    ...{ icmp: 58, type: 40, unreachable: 1, citedProtocol: 54, citedTarget: 84, citedPort: 88 },
    first: [],
    citedFirst: [],
  },
} as const;

/** Goes on if the half word is in the range. */
const requirePort = (offset: number, { low, high }: PortRange): readonly Uint8Array[] => [
  instruction(LOAD_HALF, offset),
  instruction(JUMP_IF_AT_LEAST, low, 1),
  instruction(JUMP_IF_ABOVE, high, 1),
  REFUSE,
];

/** Goes on if the segment resets, or accepts. */
const requireAnswer = (offset: number): readonly Uint8Array[] => [
  instruction(LOAD_BYTE, offset),
  instruction(JUMP_IF_ANY_BIT, FLAG.reset, 0, 3),
  instruction(AND, FLAG.synAndAcknowledge),
  instruction(JUMP_IF_EQUAL, FLAG.synAndAcknowledge, 0, 1),
  REFUSE,
];

/** Passes answers from addresses whose last four bytes are in these ranges to segments from these ports. */
export const segmentFilter = (
  family: IpFamily,
  { ports, ranges }: { readonly ports: PortRange; readonly ranges: readonly Range[] },
): Uint8Array => {
  const layout = LAYOUT[family];
  // What nearly all other traffic fails comes first.
  const tcp = [
    ...requirePort(layout.port, ports),
    ...requireAnswer(layout.flags),
    ...layout.first,
    ...search(ranges, layout.source),
    REFUSE,
  ];
  const icmp = [
    ...requireByte(layout.protocol, layout.icmp),
    ...requireByte(layout.type, layout.unreachable),
    ...layout.first,
    ...layout.citedFirst,
    ...requireByte(layout.citedProtocol, TCP),
    ...requirePort(layout.citedPort, ports),
    ...search(ranges, layout.citedTarget),
    REFUSE,
  ];
  return concatBytes(
    ...requireHeard,
    instruction(LOAD_BYTE, layout.protocol),
    instruction(JUMP_IF_EQUAL, TCP, 0, 1),
    instruction(JUMP, tcp.length),
    ...tcp,
    ...icmp,
  );
};
