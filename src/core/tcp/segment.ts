/**
 * TCP segments without data in IP packets of their own.
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-------------------------------+-------------------------------+
 * |          Source port          |       Destination port        |
 * +-------------------------------+-------------------------------+
 * |                        Sequence number                        |
 * +---------------------------------------------------------------+
 * |                     Acknowledgment number                     |
 * +-------+-------+---------------+-------------------------------+
 * | Offset| Zero  |    Flags      |            Window             |
 * +-------+-------+---------------+-------------------------------+
 * |           Checksum            |        Urgent pointer         |
 * +-------------------------------+-------------------------------+
 * ```
 */
import { addressBytes, addressFromBytes, type IpAddress, isIpv4 } from "#base/address";
import { assert } from "#base/assert";
import { concatBytes, readU8, readU16, readU32, writeU8, writeU16, writeU32 } from "#base/bytes";
import { internetChecksum } from "#base/checksum";
import { type Decoded, decoded, refused } from "#base/decoded";

/** Who speaks to whom. Ports are 1..65535. */
export type Flow = {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly sourcePort: number;
  readonly destinationPort: number;
};

/** What we read of a segment. */
export type Segment = Flow & {
  /** `syn-ack`: somebody listens; `reset`: nobody does, or somebody refuses; `other`: neither. */
  readonly kind: "syn-ack" | "reset" | "other";
  /** What it acknowledges; 32 bits. */
  readonly acknowledges: number;
};

/** Why a packet was dropped, in the order of the checks. */
export const DECODE_REASONS = ["truncated", "not-tcp", "fragment", "length"] as const;
/** Why a packet was dropped. */
export type DecodeReason = (typeof DECODE_REASONS)[number];

const TCP = 6;
const HOP_LIMIT = 64;
const HEADER = { IPv4: 20, IPv6: 40, TCP: 20 } as const;
const FLAG = { syn: 0x02, reset: 0x04, acknowledge: 0x10 } as const;
const DONT_FRAGMENT = 0x4000;
const FRAGMENT_BITS = 0x3fff;
/** Maximum segment size (RFC 9293 §3.7.1): what every path has. */
const MAXIMUM_SEGMENT_SIZE = 1_220;

const pseudoHeader = ({ source, destination }: Flow, length: number): Uint8Array => {
  const rest = new Uint8Array(4);
  writeU8(rest, 1, TCP);
  writeU16(rest, 2, length);
  return concatBytes(addressBytes(source), addressBytes(destination), rest);
};

const ipHeader = ({ source, destination }: Flow, length: number): Uint8Array => {
  if (isIpv4(source)) {
    const header = new Uint8Array(HEADER.IPv4);
    writeU8(header, 0, 0x45);
    writeU16(header, 2, HEADER.IPv4 + length);
    writeU16(header, 6, DONT_FRAGMENT);
    writeU8(header, 8, HOP_LIMIT);
    writeU8(header, 9, TCP);
    header.set(addressBytes(source), 12);
    header.set(addressBytes(destination), 16);
    writeU16(header, 10, internetChecksum(header));
    return header;
  }
  const header = new Uint8Array(HEADER.IPv6);
  writeU8(header, 0, 0x60);
  writeU16(header, 4, length);
  writeU8(header, 6, TCP);
  writeU8(header, 7, HOP_LIMIT);
  header.set(addressBytes(source), 8);
  header.set(addressBytes(destination), 24);
  return header;
};

const packet = (
  flow: Flow,
  { flags, sequence, options }: { flags: number; sequence: number; options: Uint8Array },
): Uint8Array => {
  assert(isIpv4(flow.source) === isIpv4(flow.destination), "both ends are of one family", { ...flow });
  const length = HEADER.TCP + options.length;
  const segment = new Uint8Array(length);
  writeU16(segment, 0, flow.sourcePort);
  writeU16(segment, 2, flow.destinationPort);
  writeU32(segment, 4, sequence);
  writeU8(segment, 12, (length / 4) << 4);
  writeU8(segment, 13, flags);
  writeU16(segment, 14, flags === FLAG.syn ? 0xffff : 0);
  segment.set(options, HEADER.TCP);
  writeU16(segment, 16, internetChecksum(pseudoHeader(flow, length), segment));
  return concatBytes(ipHeader(flow, length), segment);
};

/** The IP packet that asks for a connection; `sequence` is 32 bits that nobody can guess. */
export const encodeSyn = (flow: Flow, sequence: number): Uint8Array => {
  const options = Uint8Array.of(2, 4, MAXIMUM_SEGMENT_SIZE >> 8, MAXIMUM_SEGMENT_SIZE & 0xff);
  return packet(flow, { flags: FLAG.syn, sequence, options });
};

/** The IP packet that takes back what `encodeSyn` with this sequence has begun. */
export const encodeReset = (flow: Flow, sequence: number): Uint8Array =>
  packet(flow, { flags: FLAG.reset, sequence: (sequence + 1) >>> 0, options: new Uint8Array(0) });

type Carried = { readonly source: IpAddress; readonly destination: IpAddress; readonly segment: Uint8Array };

const carriedByIpv4 = (bytes: Uint8Array): Decoded<Carried, DecodeReason> => {
  if (bytes.length < HEADER.IPv4) return refused("truncated");
  const header = (readU8(bytes, 0) & 0x0f) * 4;
  const total = readU16(bytes, 2);
  if (readU8(bytes, 9) !== TCP) return refused("not-tcp");
  if ((readU16(bytes, 6) & FRAGMENT_BITS) !== 0) return refused("fragment");
  if (header < HEADER.IPv4 || total < header || total > bytes.length) return refused("length");
  return decoded({
    source: addressFromBytes(bytes.subarray(12, 16)),
    destination: addressFromBytes(bytes.subarray(16, 20)),
    segment: bytes.subarray(header, total),
  });
};

/** Extension headers are not followed: an answer to what we sent has none. */
const carriedByIpv6 = (bytes: Uint8Array): Decoded<Carried, DecodeReason> => {
  if (bytes.length < HEADER.IPv6) return refused("truncated");
  if (readU8(bytes, 6) !== TCP) return refused("not-tcp");
  const end = HEADER.IPv6 + readU16(bytes, 4);
  if (end > bytes.length) return refused("length");
  return decoded({
    source: addressFromBytes(bytes.subarray(8, 24)),
    destination: addressFromBytes(bytes.subarray(24, 40)),
    segment: bytes.subarray(HEADER.IPv6, end),
  });
};

const carried = (bytes: Uint8Array): Decoded<Carried, DecodeReason> => {
  if (bytes.length === 0) return refused("truncated");
  const version = readU8(bytes, 0) >> 4;
  if (version === 4) return carriedByIpv4(bytes);
  return version === 6 ? carriedByIpv6(bytes) : refused("not-tcp");
};

const kindOf = (flags: number): Segment["kind"] => {
  if ((flags & FLAG.reset) !== 0) return "reset";
  const both = FLAG.syn | FLAG.acknowledge;
  return (flags & both) === both ? "syn-ack" : "other";
};

/**
 * Reads an IP packet with a segment in it; what follows the packet is Ethernet's padding and ignored.
 *
 * The checksum is not looked at: a packet from a virtual machine or a pod of the same host reaches a packet socket before anybody has
 * computed it. Who needs to know whether an answer is meant for it compares `acknowledges`.
 */
export const decode = (bytes: Uint8Array): Decoded<Segment, DecodeReason> => {
  const outer = carried(bytes);
  if (!outer.ok) return outer;
  const { source, destination, segment } = outer.value;
  if (segment.length < HEADER.TCP) return refused("length");
  const flow = { source, destination, sourcePort: readU16(segment, 0), destinationPort: readU16(segment, 2) };
  return decoded({ ...flow, kind: kindOf(readU8(segment, 13)), acknowledges: readU32(segment, 8) });
};
