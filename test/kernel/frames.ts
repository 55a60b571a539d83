/** Frames made by hand, for tests that look at single packets. */
import { addressBytes, type IpAddress, isIpv4 } from "#base/address";
import { concatBytes, writeU16, writeU32 } from "#base/bytes";
import { internetChecksum } from "#base/checksum";
import { type MacAddress, macBytes, macFromBytes } from "#base/mac";
import type { Protocol } from "#core/balance/model";

/** What is in a frame; everything left out is as in an ordinary packet in the middle of a connection. */
export type Packet = {
  readonly to: MacAddress;
  readonly source: { readonly address: IpAddress; readonly port: number };
  readonly destination: { readonly address: IpAddress; readonly port: number };
  readonly protocol: Protocol;
  /** TCP's flag bits. */
  readonly flags?: number;
  readonly hops?: number;
  /** IPv4's identification, and its flags and offset of fragments. */
  readonly fragment?: { readonly id: number; readonly bits: number };
  /** IPv4 with an option (four times "no operation"). */
  readonly option?: boolean;
  readonly payload?: number;
};

/** Bits of TCP. */
export const FIN = 1;
export const SYN = 2;
export const ACK = 16;
/** IPv4: more fragments follow. */
export const MORE = 0x2000;

const CLIENT_MAC = Uint8Array.of(2, 0, 0, 0, 0, 0xcc);
const PROTOCOL_NUMBERS: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17 };

const pseudoHeader = (packet: Packet, length: number): Uint8Array => {
  const tail = new Uint8Array(8);
  writeU32(tail, 0, length);
  tail[7] = PROTOCOL_NUMBERS[packet.protocol];
  return concatBytes(addressBytes(packet.source.address), addressBytes(packet.destination.address), tail);
};

const transport = (packet: Packet): Uint8Array => {
  const header = packet.protocol === "tcp" ? 20 : 8;
  const bytes = new Uint8Array(header + (packet.payload ?? 0)).fill(0x61, header);
  writeU16(bytes, 0, packet.source.port);
  writeU16(bytes, 2, packet.destination.port);
  if (packet.protocol === "tcp") {
    writeU32(bytes, 4, 1_000);
    bytes[12] = 0x50;
    bytes[13] = packet.flags ?? ACK;
    writeU16(bytes, 14, 1_024);
  } else writeU16(bytes, 4, bytes.length);
  writeU16(
    bytes,
    packet.protocol === "tcp" ? 16 : 6,
    internetChecksum(pseudoHeader(packet, bytes.length), bytes),
  );
  return bytes;
};

const header4 = (packet: Packet, length: number): Uint8Array => {
  const bytes = new Uint8Array(packet.option === true ? 24 : 20).fill(1, 20);
  bytes[0] = 0x40 | (bytes.length / 4);
  writeU16(bytes, 2, bytes.length + length);
  writeU16(bytes, 4, packet.fragment?.id ?? 0);
  writeU16(bytes, 6, packet.fragment?.bits ?? 0x4000);
  bytes[8] = packet.hops ?? 64;
  bytes[9] = PROTOCOL_NUMBERS[packet.protocol];
  bytes.set(addressBytes(packet.source.address), 12);
  bytes.set(addressBytes(packet.destination.address), 16);
  writeU16(bytes, 10, internetChecksum(bytes));
  return bytes;
};

const header6 = (packet: Packet, length: number): Uint8Array => {
  const bytes = new Uint8Array(40);
  bytes[0] = 0x60;
  writeU16(bytes, 4, length);
  bytes[6] = PROTOCOL_NUMBERS[packet.protocol];
  bytes[7] = packet.hops ?? 64;
  bytes.set(addressBytes(packet.source.address), 8);
  bytes.set(addressBytes(packet.destination.address), 24);
  return bytes;
};

/** The IP packet. */
const ipPacket = (packet: Packet): Uint8Array => {
  const body = transport(packet);
  const header = isIpv4(packet.source.address) ? header4 : header6;
  return concatBytes(header(packet, body.length), body);
};

const ethernet = (to: MacAddress, type: number, body: Uint8Array): Uint8Array => {
  const header = new Uint8Array(14);
  header.set(macBytes(to));
  header.set(CLIENT_MAC, 6);
  writeU16(header, 12, type);
  return concatBytes(header, body);
};

/** The Ethernet frame. */
export const buildFrame = (packet: Packet): Uint8Array =>
  ethernet(packet.to, isIpv4(packet.source.address) ? 0x0800 : 0x86dd, ipPacket(packet));

/** An ICMP "fragmentation needed" or "packet too big" about a packet that the server sent to `packet.source`. */
export const buildError = (packet: Packet, router: IpAddress): Uint8Array => {
  const quoted = ipPacket({ ...packet, source: packet.destination, destination: packet.source });
  const v4 = isIpv4(router);
  const message = new Uint8Array(8);
  message.set(v4 ? [3, 4] : [2, 0]);
  writeU16(message, 6, 1_300);
  const body = concatBytes(message, quoted.subarray(0, v4 ? 28 : 48));
  const outer = { ...packet, source: { address: router, port: 0 }, protocol: "tcp" as const };
  const pseudo = pseudoHeader(outer, body.length);
  pseudo[pseudo.length - 1] = 58;
  writeU16(body, 2, v4 ? internetChecksum(body) : internetChecksum(pseudo, body));
  const header = v4 ? header4(outer, body.length) : header6(outer, body.length);
  header[v4 ? 9 : 6] = v4 ? 1 : 58;
  if (v4) {
    writeU16(header, 10, 0);
    writeU16(header, 10, internetChecksum(header));
  }
  return ethernet(packet.to, v4 ? 0x0800 : 0x86dd, concatBytes(header, body));
};

/** What can be seen of a frame that came out. */
export const describeFrame = (
  frame: Uint8Array,
): {
  readonly from: MacAddress;
  readonly to: MacAddress;
  readonly hops: number;
  readonly intact: boolean;
} => {
  const v4 = frame[12] === 0x08;
  return {
    to: macFromBytes(frame.subarray(0, 6)),
    from: macFromBytes(frame.subarray(6, 12)),
    hops: frame[v4 ? 22 : 21] ?? 0,
    intact: !v4 || internetChecksum(frame.subarray(14, 14 + ((frame[14] ?? 0) & 15) * 4)) === 0,
  };
};

/** Whether the packets in two frames have the same source address. */
export const isFromSameHost = (one: Uint8Array, other: Uint8Array): boolean => {
  const [start, end] = one[12] === 0x08 ? [26, 30] : [22, 38];
  return (
    one[12] === other[12] && one.subarray(start, end).every((byte, index) => byte === other[start + index])
  );
};
