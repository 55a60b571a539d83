/** Socket addresses, ancillary data and filters as the kernel lays them out (little-endian CPUs). */
import { addressBytes, addressFromBytes, type IpAddress, type IpFamily, isIpv4 } from "#base/address";
import { concatBytes } from "#base/bytes";
import { HOP_LIMIT } from "#core/bfd/constants";
import { HEADER_LENGTH } from "#core/bfd/packet";
import * as linux from "./constants.ts";

/** An `int` in the CPU's order. */
export const int32 = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer);

/** `struct sockaddr_in` or `sockaddr_in6`; `scope` is the link of a link-local address, and 0 for others. */
export const sockaddr = (address: IpAddress, port: number, scope: number): Uint8Array => {
  const head = Uint8Array.of(isIpv4(address) ? linux.AF.IPv4 : linux.AF.IPv6, 0, port >>> 8, port & 0xff);
  return isIpv4(address)
    ? concatBytes(head, addressBytes(address), new Uint8Array(8))
    : concatBytes(head, new Uint8Array(4), addressBytes(address), int32(scope));
};

/** The address in a `struct sockaddr_in` or `sockaddr_in6`; `undefined` if it is too short for one. */
export const addressOfSockaddr = (bytes: Uint8Array, family: IpFamily): IpAddress | undefined => {
  const [start, end] = family === "IPv4" ? [4, 8] : [8, 24];
  return bytes.length < end ? undefined : addressFromBytes(bytes.subarray(start, end));
};

/** What a packet's IP header said. */
export type Arrival = {
  readonly destination: IpAddress;
  readonly hopLimit: number;
  readonly linkIndex: number;
  /** When the kernel took it in, in wall time of milliseconds; `undefined` if it does not say. */
  readonly at: number | undefined;
};

/** Ancillary data records are aligned to, and their length field is as wide as, a machine word. */
const WORD = process.arch === "arm" ? 4 : 8;
const RECORD_HEADER = WORD + 8;

const INFO_LENGTH: Readonly<Record<IpFamily, number>> = { IPv4: 12, IPv6: 20 };

type Info = Pick<Arrival, "destination" | "linkIndex">;

/** `struct in_pktinfo` (link, local address, destination) or `struct in6_pktinfo` (destination, link). */
const readInfo = (control: Uint8Array, data: number, family: IpFamily): Info => {
  const view = new DataView(control.buffer, control.byteOffset, control.byteLength);
  return family === "IPv4"
    ? {
        linkIndex: view.getInt32(data, true),
        destination: addressFromBytes(control.subarray(data + 8, data + 12)),
      }
    : {
        linkIndex: view.getInt32(data + 16, true),
        destination: addressFromBytes(control.subarray(data, data + 16)),
      };
};

/** `struct __kernel_timespec`: seconds and nanoseconds of 64 bits each. */
const TIMESTAMP_LENGTH = 16;
const readTimestamp = (view: DataView, data: number): number =>
  (view.getUint32(data, true) + view.getInt32(data + 4, true) * 2 ** 32) * 1_000 +
  view.getUint32(data + 8, true) / 1e6;

/** What came with a packet as ancillary data; `undefined` unless all of it did, but for when, which older kernels do not say. */
export const readArrival = (control: Uint8Array, family: IpFamily): Arrival | undefined => {
  const view = new DataView(control.buffer, control.byteOffset, control.byteLength);
  const [level, infoType, hopsType] =
    family === "IPv4"
      ? [linux.SOL_IP, linux.IP_PKTINFO, linux.IP_TTL]
      : [linux.SOL_IPV6, linux.IPV6_PKTINFO, linux.IPV6_HOPLIMIT];
  let info: Info | undefined;
  let hopLimit: number | undefined;
  let at: number | undefined;
  let offset = 0;
  while (offset + RECORD_HEADER <= control.length) {
    const length = view.getUint32(offset, true);
    if (length < RECORD_HEADER || offset + length > control.length) break;
    const found = view.getInt32(offset + WORD, true);
    const type = view.getInt32(offset + WORD + 4, true);
    const data = offset + RECORD_HEADER;
    const size = length - RECORD_HEADER;
    if (found === linux.SOL_SOCKET) {
      if (type === linux.SO_TIMESTAMPNS_NEW && size >= TIMESTAMP_LENGTH) at = readTimestamp(view, data);
    } else if (found === level) {
      if (type === infoType && size >= INFO_LENGTH[family]) info = readInfo(control, data, family);
      if (type === hopsType && size >= 4) hopLimit = view.getInt32(data, true);
    }
    offset += Math.ceil(length / WORD) * WORD;
  }
  return info === undefined || hopLimit === undefined ? undefined : { ...info, hopLimit, at };
};

const instruction = (code: number, constant: number, skipIfNot = 0): Uint8Array => {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, code, true);
  view.setUint8(3, skipIfNot);
  view.setUint32(4, constant, true);
  return bytes;
};

const LOAD_BYTE = 0x30;
const LOAD_LENGTH = 0x80;
const AND = 0x54;
const SHIFT_RIGHT = 0x74;
const JUMP_IF_EQUAL = 0x15;
const JUMP_IF_AT_LEAST = 0x35;
const RETURN = 0x06;

const WHOLE_PACKET = 0x4_0000;
const UDP_HEADER = 8;
/** The hop limit, from the network header of a packet (linux/filter.h, SKF_NET_OFF). */
const HOPS_AT: Readonly<Record<IpFamily, number>> = { IPv4: 0xfff0_0000 + 8, IPv6: 0xfff0_0000 + 7 };

/** Ancillary data that has a packet leave from an address through a link (IP_PKTINFO, IPV6_PKTINFO). */
export const leavingFrom = (address: IpAddress, linkIndex: number): Uint8Array => {
  const data = isIpv4(address)
    ? concatBytes(int32(linkIndex), addressBytes(address), new Uint8Array(4))
    : concatBytes(addressBytes(address), int32(linkIndex));
  const length = RECORD_HEADER + data.length;
  const record = new Uint8Array(Math.ceil(length / WORD) * WORD);
  record.set(int32(length));
  const [level, type] = isIpv4(address)
    ? [linux.SOL_IP, linux.IP_PKTINFO]
    : [linux.SOL_IPV6, linux.IPV6_PKTINFO];
  record.set(int32(level), WORD);
  record.set(int32(type), WORD + 4);
  record.set(data, RECORD_HEADER);
  return record;
};

const withSkip = (jump: Uint8Array, skipIfNot: number): Uint8Array => jump.with(3, skipIfNot);

/** A classic BPF program that passes what no router has forwarded. */
export const neighbourFilter = (family: IpFamily): Uint8Array =>
  concatBytes(
    instruction(LOAD_BYTE, HOPS_AT[family]),
    withSkip(instruction(JUMP_IF_EQUAL, HOP_LIMIT), 1),
    instruction(RETURN, WHOLE_PACKET),
    instruction(RETURN, 0),
  );

/** The bits of a packet's second byte that tell its state, a poll and an answer to one (RFC 5880 §4.1); and what they are when it is up. */
const STATE_AND_POLL = 0xf0;
const UP = 0xc0;

/**
 * A classic BPF program for sockets that share a port, over the payload: 1 for packets that say that all is well, as those before them
 * did, and 0 for all others.
 */
export const ROUTINE_SELECTOR: Uint8Array = concatBytes(
  instruction(LOAD_BYTE, 1),
  instruction(AND, STATE_AND_POLL),
  withSkip(instruction(JUMP_IF_EQUAL, UP), 1),
  instruction(RETURN, 1),
  instruction(RETURN, 0),
);

/** A classic BPF program that passes nothing. */
export const NOTHING: Uint8Array = instruction(RETURN, 0);

/** A classic BPF program that passes what may be BFD version 1, over one hop only from neighbours. */
export const listenerFilter = (family: IpFamily, path: "single-hop" | "multihop"): Uint8Array => {
  const tests = [
    [instruction(LOAD_LENGTH, 0), instruction(JUMP_IF_AT_LEAST, UDP_HEADER + HEADER_LENGTH)],
    [instruction(LOAD_BYTE, UDP_HEADER), instruction(SHIFT_RIGHT, 5), instruction(JUMP_IF_EQUAL, 1)],
    ...(path === "multihop"
      ? []
      : [[instruction(LOAD_BYTE, HOPS_AT[family]), instruction(JUMP_IF_EQUAL, HOP_LIMIT)]]),
  ].flat();
  // Whoever fails a test goes on at the last instruction.
  for (const [index, each] of tests.entries()) {
    const isTest = each[0] === JUMP_IF_EQUAL || each[0] === JUMP_IF_AT_LEAST;
    if (isTest) each[3] = tests.length - index;
  }
  return concatBytes(...tests, instruction(RETURN, WHOLE_PACKET), instruction(RETURN, 0));
};
