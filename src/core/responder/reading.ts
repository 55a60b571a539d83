/** What a frame says: who asks for which address, who claims which. */
import { type IpAddress, type IpFamily, isMulticast, parseAddress } from "#base/address";
import { assert } from "#base/assert";
import { type Decoded, decoded, refused } from "#base/decoded";
import { type MacAddress, macBytes, macFromBytes } from "#base/mac";
import {
  DECODE_REASONS as ARP_REASONS,
  type ArpPacket,
  type DecodeReason as ArpReason,
  decode as decodeArp,
  isProbe,
} from "#core/arp/packet";
import { UNSPECIFIED } from "#core/ndp/group";
import {
  decodePacket,
  type Ipv6Context,
  DECODE_REASONS as NDP_REASONS,
  type NdpMessage,
  type DecodeReason as NdpReason,
  type NeighborSolicitation,
} from "#core/ndp/packet";

/** A frame that somebody else sent: what follows its Ethernet header, and the 6 bytes of its source. */
export type HeardFrame = { readonly payload: Uint8Array; readonly from: Uint8Array };

/** How an address was claimed. */
export type Evidence =
  /** Gratuitous ARP, or an unsolicited advertisement: told to everybody. */
  | "announcement"
  /** The answer to somebody's question. */
  | "answer"
  /** It asked others from that address. */
  | "use"
  /** It asked whether anybody has the address, because it wants it (RFC 5227 §2.1, RFC 4862 §5.4). */
  | "probe";

/** Somebody says that `mac` has `address`, or wants it. */
export type Claim = {
  readonly address: IpAddress;
  readonly mac: MacAddress;
  readonly evidence: Evidence;
};

/** Somebody asks who has an address; kept as it came, since the answer repeats parts of it. */
export type Question = { readonly target: IpAddress } & (
  | { readonly family: "IPv4"; readonly packet: ArpPacket }
  | {
      readonly family: "IPv6";
      readonly solicitation: NeighborSolicitation;
      readonly source: IpAddress;
      readonly from: MacAddress;
    }
);

/** What one frame says; both may be there. `arp` is the packet, for what is not of ARP's own. */
export type Reading = {
  readonly claim?: Claim;
  readonly question?: Question;
  readonly arp?: ArpPacket;
  /** Who says it. */
  readonly mac: MacAddress;
};

/** Why a frame was dropped, besides the reasons of the codecs. Each is also a `reason` label of the drop counter. */
const READING_REASONS = [
  /** A group, or nobody, as the one who has an address. */
  "sender-mac",
  /** A group, the broadcast address or a loopback address as the sender's. */
  "sender-address",
] as const;
/** Why a frame was dropped. */
export type ReadingReason = (typeof READING_REASONS)[number] | ArpReason | NdpReason;
/** Every reason why a frame was dropped unread, in no order. */
export const DROP_REASONS: readonly ReadingReason[] = [
  ...new Set<ReadingReason>([...ARP_REASONS, ...NDP_REASONS, ...READING_REASONS]),
];

const ANY = parseAddress("0.0.0.0");
assert(ANY !== undefined, "an address");

const NO_MAC = macFromBytes(new Uint8Array(6));

/** Whether this can be one host's Ethernet address. */
const isHostMac = (mac: MacAddress): boolean => mac !== NO_MAC && ((macBytes(mac)[0] ?? 1) & 1) === 0;

/** Whether a host can have this address on a link. */
const isHostAddress = (address: IpAddress): boolean =>
  !isMulticast(address) &&
  address !== "255.255.255.255" &&
  !address.startsWith("127.") &&
  !(address.startsWith("0.") && address !== ANY);

const claimOfArp = (packet: ArpPacket): Claim | undefined => {
  const { operation, senderAddress, senderMac, targetAddress } = packet;
  if (isProbe(packet)) return { address: targetAddress, mac: senderMac, evidence: "probe" };
  if (senderAddress === ANY) return undefined;
  const told = operation === "reply" ? "answer" : "use";
  return {
    address: senderAddress,
    mac: senderMac,
    evidence: senderAddress === targetAddress ? "announcement" : told,
  };
};

const readArp = (frame: HeardFrame): Decoded<Reading, ReadingReason> => {
  const result = decodeArp(frame.payload);
  if (!result.ok) return result;
  const packet = result.value;
  const { operation, senderAddress, senderMac, targetAddress } = packet;
  if (!isHostMac(senderMac)) return refused("sender-mac");
  if (!isHostAddress(senderAddress)) return refused("sender-address");
  const claim = claimOfArp(packet);
  const asks = operation === "request" && senderAddress !== targetAddress;
  return decoded({
    mac: senderMac,
    arp: packet,
    ...(claim === undefined ? {} : { claim }),
    ...(asks ? { question: { target: targetAddress, family: "IPv4", packet } } : {}),
  });
};

const claimOfNdp = (message: NdpMessage, { source }: Ipv6Context, mac: MacAddress): Claim => {
  if (message.type === "advertisement") {
    return { address: message.target, mac, evidence: message.solicited ? "answer" : "announcement" };
  }
  return source === UNSPECIFIED
    ? { address: message.target, mac, evidence: "probe" }
    : { address: source, mac, evidence: "use" };
};

/** An advertisement without the option moves nobody's traffic, but its sender has the address all the same. */
const readNdp = (frame: HeardFrame): Decoded<Reading, ReadingReason> => {
  const result = decodePacket(frame.payload);
  if (!result.ok) return result;
  const { message, context } = result.value;
  const from = macFromBytes(frame.from);
  const mac = message.mac ?? from;
  if (!isHostMac(mac) || !isHostMac(from)) return refused("sender-mac");
  if (isMulticast(context.source) || context.source === "::1") return refused("sender-address");
  const claim = claimOfNdp(message, context, mac);
  if (message.type === "advertisement") return decoded({ mac, claim });
  const question: Question = {
    ...{ target: message.target, family: "IPv6", solicitation: message, source: context.source, from },
  };
  return decoded({ mac, claim, question });
};

/** Reads a frame; what is wrong with it is a reason. */
export const readFrame = (family: IpFamily, frame: HeardFrame): Decoded<Reading, ReadingReason> =>
  family === "IPv4" ? readArp(frame) : readNdp(frame);

const sameBytes = (bytes: Uint8Array, one: number, other: number, length: number): boolean => {
  for (let index = 0; index < length; index += 1) {
    if (bytes[one + index] !== bytes[other + index]) return false;
  }
  return true;
};

/** Whether a frame asks rather than tells, at a glance: a flood of questions is dropped before it is read. */
export const looksLikeQuestion = (family: IpFamily, { payload }: HeardFrame): boolean =>
  family === "IPv4" ? payload[7] === 1 && !sameBytes(payload, 14, 24, 4) : payload[40] === 135;
