/**
 * Neighbor Solicitation (RFC 4861 §4.3) and Neighbor Advertisement (§4.4), as ICMPv6 messages.
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +---------------+---------------+-------------------------------+
 * | Type 135, 136 |   Code = 0    |           Checksum            |
 * +-+-+-+---------+---------------+-------------------------------+
 * |R|S|O|                     Reserved                            |  R, S, O in advertisements only
 * +-+-+-+---------------------------------------------------------+
 * |                   Target address, 16 bytes                    |
 * +---------------+---------------+-------------------------------+
 * | Option type   | Length, in 8s |  Link-layer address, 6 bytes  |  1: source's (135), 2: target's (136)
 * +---------------+---------------+-------------------------------+
 * ```
 */
import { addressBytes, addressFromBytes, type IpAddress, isMulticast } from "#base/address";
import { concatBytes, readU8, readU16, writeU8, writeU16 } from "#base/bytes";
import { internetChecksum } from "#base/checksum";
import { type Decoded, decoded, refused } from "#base/decoded";
import { type MacAddress, macBytes, macFromBytes } from "#base/mac";
import { FLAG, HOP_LIMIT, NEXT_HEADER, OPTION, TYPE } from "./constants.ts";
import { ALL_NODES, solicitedNodeGroup, UNSPECIFIED } from "./group.ts";

export type NeighborSolicitation = {
  readonly type: "solicitation";
  readonly target: IpAddress;
  /** Who asks; `undefined` when the option is missing, as in Duplicate Address Detection. */
  readonly mac: MacAddress | undefined;
};

export type NeighborAdvertisement = {
  readonly type: "advertisement";
  readonly target: IpAddress;
  /** Who has the target; `undefined` when the option is missing. */
  readonly mac: MacAddress | undefined;
  /** The sender forwards packets. */
  readonly router: boolean;
  /** It answers a solicitation. */
  readonly solicited: boolean;
  /** It replaces what neighbours have stored. */
  readonly override: boolean;
};

export type NdpMessage = NeighborSolicitation | NeighborAdvertisement;

/** Source and destination in the IPv6 header; the checksum and the checks of RFC 4861 §7.1 depend on them. */
export type Ipv6Context = { readonly source: IpAddress; readonly destination: IpAddress };

/** Why a message was dropped, in the order of the checks. Each is also a `reason` label of the drop counter. */
export const DECODE_REASONS = [
  /** It crossed a router (RFC 4861 §7.1). */
  "hop-limit",
  "truncated",
  "checksum",
  /** Neither solicitation nor advertisement. */
  "type",
  "code",
  "target-multicast",
  /** An option of length 0, or one that ends beyond the message. */
  "option-length",
  /** A solicitation from `::` that is not Duplicate Address Detection (RFC 4861 §7.1.1). */
  "unspecified-source",
  /** A multicast advertisement that claims to be an answer (RFC 4861 §7.1.2). */
  "solicited-multicast",
] as const;
/** Why a message was dropped. */
export type DecodeReason = (typeof DECODE_REASONS)[number];

const HEADER_LENGTH = 24;
const IPV6_HEADER_LENGTH = 40;

/** The pseudo-header of RFC 8200 §8.1. */
const pseudoHeader = ({ source, destination }: Ipv6Context, length: number): Uint8Array => {
  const tail = new Uint8Array(8);
  writeU16(tail, 2, length);
  writeU8(tail, 7, NEXT_HEADER);
  return concatBytes(addressBytes(source), addressBytes(destination), tail);
};

/** Option bodies by type, the first of each; `undefined` if the list does not add up (RFC 4861 §4.6). */
const decodeOptions = (bytes: Uint8Array): ReadonlyMap<number, Uint8Array> | undefined => {
  const bodyByType = new Map<number, Uint8Array>();
  let offset = HEADER_LENGTH;
  while (offset < bytes.length) {
    const length = (bytes[offset + 1] ?? 0) * 8;
    if (length === 0 || offset + length > bytes.length) return undefined;
    const type = readU8(bytes, offset);
    if (!bodyByType.has(type)) bodyByType.set(type, bytes.subarray(offset + 2, offset + length));
    offset += length;
  }
  return bodyByType;
};

/** An address of another length belongs to another kind of link. */
const decodeMac = (body: Uint8Array | undefined): MacAddress | undefined =>
  body?.length === 6 ? macFromBytes(body) : undefined;

const decodeSolicitation = (
  target: IpAddress,
  options: ReadonlyMap<number, Uint8Array>,
  context: Ipv6Context,
): Decoded<NdpMessage, DecodeReason> => {
  const detects =
    context.destination === solicitedNodeGroup(target) && !options.has(OPTION.sourceLinkLayerAddress);
  if (context.source === UNSPECIFIED && !detects) return refused("unspecified-source");
  return decoded({
    type: "solicitation",
    target,
    mac: decodeMac(options.get(OPTION.sourceLinkLayerAddress)),
  });
};

const decodeAdvertisement = (
  bytes: Uint8Array,
  target: IpAddress,
  options: ReadonlyMap<number, Uint8Array>,
  context: Ipv6Context,
): Decoded<NdpMessage, DecodeReason> => {
  const flags = readU8(bytes, 4);
  const solicited = (flags & FLAG.solicited) !== 0;
  if (solicited && isMulticast(context.destination)) return refused("solicited-multicast");
  return decoded({
    type: "advertisement",
    target,
    mac: decodeMac(options.get(OPTION.targetLinkLayerAddress)),
    router: (flags & FLAG.router) !== 0,
    solicited,
    override: (flags & FLAG.override) !== 0,
  });
};

/** Reads an ICMPv6 message with the checks of RFC 4861 §7.1.1 and §7.1.2. */
export const decode = (
  bytes: Uint8Array,
  context: Ipv6Context & { readonly hopLimit: number },
): Decoded<NdpMessage, DecodeReason> => {
  if (context.hopLimit !== HOP_LIMIT) return refused("hop-limit");
  if (bytes.length < HEADER_LENGTH) return refused("truncated");
  if (internetChecksum(pseudoHeader(context, bytes.length), bytes) !== 0) return refused("checksum");
  const type = readU8(bytes, 0);
  if (type !== TYPE.solicitation && type !== TYPE.advertisement) return refused("type");
  if (readU8(bytes, 1) !== 0) return refused("code");
  const target = addressFromBytes(bytes.subarray(8, HEADER_LENGTH));
  if (isMulticast(target)) return refused("target-multicast");
  const options = decodeOptions(bytes);
  if (options === undefined) return refused("option-length");
  return type === TYPE.solicitation
    ? decodeSolicitation(target, options, context)
    : decodeAdvertisement(bytes, target, options, context);
};

/** Reads a whole IPv6 packet in which the message comes first: a header, no extensions, and nothing beyond its length. */
export const decodePacket = (
  packet: Uint8Array,
): Decoded<{ readonly message: NdpMessage; readonly context: Ipv6Context }, DecodeReason> => {
  if (packet.length < IPV6_HEADER_LENGTH) return refused("truncated");
  if (readU8(packet, 0) >>> 4 !== 6 || readU8(packet, 6) !== NEXT_HEADER) return refused("type");
  const length = readU16(packet, 4);
  if (packet.length < IPV6_HEADER_LENGTH + length) return refused("truncated");
  const context = {
    source: addressFromBytes(packet.subarray(8, 24)),
    destination: addressFromBytes(packet.subarray(24, IPV6_HEADER_LENGTH)),
  };
  const payload = packet.subarray(IPV6_HEADER_LENGTH, IPV6_HEADER_LENGTH + length);
  const message = decode(payload, { ...context, hopLimit: readU8(packet, 7) });
  return message.ok ? decoded({ message: message.value, context }) : message;
};

const encodeOption = (message: NdpMessage): Uint8Array => {
  if (message.mac === undefined) return new Uint8Array(0);
  const type =
    message.type === "solicitation" ? OPTION.sourceLinkLayerAddress : OPTION.targetLinkLayerAddress;
  return concatBytes(Uint8Array.of(type, 1), macBytes(message.mac));
};

const encodeFlags = (message: NdpMessage): number => {
  if (message.type === "solicitation") return 0;
  const { router, solicited, override } = message;
  return (router ? FLAG.router : 0) | (solicited ? FLAG.solicited : 0) | (override ? FLAG.override : 0);
};

/** Writes the ICMPv6 message with its checksum. */
export const encode = (message: NdpMessage, context: Ipv6Context): Uint8Array => {
  const header = new Uint8Array(8);
  writeU8(header, 0, TYPE[message.type]);
  writeU8(header, 4, encodeFlags(message));
  const bytes = concatBytes(header, addressBytes(message.target), encodeOption(message));
  writeU16(bytes, 2, internetChecksum(pseudoHeader(context, bytes.length), bytes));
  return bytes;
};

/** Writes the whole IPv6 packet around the message, for links where we write below IP. */
export const encodePacket = (message: NdpMessage, context: Ipv6Context): Uint8Array => {
  const payload = encode(message, context);
  const header = new Uint8Array(IPV6_HEADER_LENGTH);
  writeU8(header, 0, 0x60);
  writeU16(header, 4, payload.length);
  writeU8(header, 6, NEXT_HEADER);
  writeU8(header, 7, HOP_LIMIT);
  header.set(addressBytes(context.source), 8);
  header.set(addressBytes(context.destination), 24);
  return concatBytes(header, payload);
};

/**
 * Tells every node that `mac` has `address` now: an unsolicited advertisement with Override, from the address
 * itself to ff02::1 (RFC 4861 §7.2.6). `router` must be what the kernel says in its own answers, because hosts
 * drop a default route whose gateway stops being a router (§7.2.5).
 */
export const unsolicited = ({
  mac,
  address,
  router,
}: {
  readonly mac: MacAddress;
  readonly address: IpAddress;
  readonly router: boolean;
}): { readonly message: NeighborAdvertisement; readonly context: Ipv6Context } => ({
  message: { type: "advertisement", target: address, mac, router, solicited: false, override: true },
  context: { source: address, destination: ALL_NODES },
});
