/**
 * The ARP packet for Ethernet and IPv4 (RFC 826), without its Ethernet header.
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-------------------------------+-------------------------------+
 * |       Hardware type = 1       |    Protocol type = 0x0800     |
 * +---------------+---------------+-------------------------------+
 * | Hw length = 6 |Proto length=4 |  Operation: 1 request, 2 reply|
 * +---------------+---------------+-------------------------------+
 * |                     Sender Ethernet address                   |
 * +                               +-------------------------------+
 * |                               |     Sender IPv4 address       |
 * +-------------------------------+-------------------------------+
 * |                               |     Target Ethernet address   |
 * +-------------------------------+                               +
 * |                                                               |
 * +---------------------------------------------------------------+
 * |                      Target IPv4 address                      |
 * +---------------------------------------------------------------+
 * ```
 */
import { addressBytes, addressFromBytes, type Ipv4Address, isIpv4 } from "#base/address";
import { assert } from "#base/assert";
import { readU16, writeU8, writeU16 } from "#base/bytes";
import { type Decoded, decoded, refused } from "#base/decoded";
import { type MacAddress, macBytes, macFromBytes } from "#base/mac";
import { HARDWARE_ETHERNET, LENGTH, OPERATION, PROTOCOL_IPV4 } from "./constants.ts";

export type ArpPacket = {
  readonly operation: "request" | "reply";
  readonly senderMac: MacAddress;
  readonly senderAddress: Ipv4Address;
  readonly targetMac: MacAddress;
  readonly targetAddress: Ipv4Address;
};

/** Why a packet was dropped, in the order of the checks. Each is also a `reason` label of the drop counter. */
export const DECODE_REASONS = [
  "truncated",
  /** Another hardware or protocol type, or lengths that do not belong to them. */
  "not-ethernet-ipv4",
  /** Neither request nor reply. */
  "operation",
] as const;
/** Why a packet was dropped. */
export type DecodeReason = (typeof DECODE_REASONS)[number];

const NO_MAC = macFromBytes(new Uint8Array(6));
const ADDRESS_LENGTHS = 0x0604;

const macAt = (bytes: Uint8Array, offset: number): MacAddress =>
  macFromBytes(bytes.subarray(offset, offset + 6));

const addressAt = (bytes: Uint8Array, offset: number): Ipv4Address => {
  const address = addressFromBytes(bytes.subarray(offset, offset + 4));
  assert(isIpv4(address), "four bytes are an IPv4 address");
  return address;
};

/** Reads a packet. What follows its 28 bytes is Ethernet's padding and ignored. */
export const decode = (bytes: Uint8Array): Decoded<ArpPacket, DecodeReason> => {
  if (bytes.length < LENGTH) return refused("truncated");
  const isOurs =
    readU16(bytes, 0) === HARDWARE_ETHERNET &&
    readU16(bytes, 2) === PROTOCOL_IPV4 &&
    readU16(bytes, 4) === ADDRESS_LENGTHS;
  if (!isOurs) return refused("not-ethernet-ipv4");
  const code = readU16(bytes, 6);
  if (code !== OPERATION.request && code !== OPERATION.reply) return refused("operation");
  return decoded({
    operation: code === OPERATION.request ? "request" : "reply",
    senderMac: macAt(bytes, 8),
    senderAddress: addressAt(bytes, 14),
    targetMac: macAt(bytes, 18),
    targetAddress: addressAt(bytes, 24),
  });
};

/** Writes the 28 bytes of a packet. */
export const encode = (packet: ArpPacket): Uint8Array => {
  const bytes = new Uint8Array(LENGTH);
  writeU16(bytes, 0, HARDWARE_ETHERNET);
  writeU16(bytes, 2, PROTOCOL_IPV4);
  writeU8(bytes, 4, 6);
  writeU8(bytes, 5, 4);
  writeU16(bytes, 6, OPERATION[packet.operation]);
  bytes.set(macBytes(packet.senderMac), 8);
  bytes.set(addressBytes(packet.senderAddress), 14);
  bytes.set(macBytes(packet.targetMac), 18);
  bytes.set(addressBytes(packet.targetAddress), 24);
  return bytes;
};

/**
 * Tells everybody that `mac` has `address` now: sender and target address are the same.
 *
 * The request form is the ARP Announcement of RFC 5227 §2.3. The reply form is the older one (RFC 5944 §4.6), for
 * the hosts that learn from replies only; its target is the address to be stored, so it repeats the sender's.
 */
export const gratuitous = (
  operation: ArpPacket["operation"],
  { mac, address }: { readonly mac: MacAddress; readonly address: Ipv4Address },
): ArpPacket => ({
  operation,
  senderMac: mac,
  senderAddress: address,
  targetMac: operation === "request" ? NO_MAC : mac,
  targetAddress: address,
});

/** Asks who has an address; the answer goes to `asker`. */
export const whoHas = (
  address: Ipv4Address,
  asker: { readonly mac: MacAddress; readonly address: Ipv4Address },
): ArpPacket => ({
  operation: "request",
  senderMac: asker.mac,
  senderAddress: asker.address,
  targetMac: NO_MAC,
  targetAddress: address,
});

/** Answers a request: `mac` has the address that was asked for. Goes to the asker alone (RFC 826). */
export const replyTo = (
  { senderMac, senderAddress, targetAddress }: ArpPacket,
  mac: MacAddress,
): ArpPacket => ({
  operation: "reply",
  senderMac: mac,
  senderAddress: targetAddress,
  targetMac: senderMac,
  targetAddress: senderAddress,
});

const UNSPECIFIED = addressAt(new Uint8Array(4), 0);

/** Asks whether anybody has an address, without saying that the asker has it: no cache is changed (RFC 5227 §2.1.1). */
export const probe = (address: Ipv4Address, mac: MacAddress): ArpPacket =>
  whoHas(address, { mac, address: UNSPECIFIED });

/** Whether a packet is a probe: its sender has no address yet (RFC 5227 §2.1.1). */
export const isProbe = ({ operation, senderAddress }: ArpPacket): boolean =>
  operation === "request" && senderAddress === UNSPECIFIED;
