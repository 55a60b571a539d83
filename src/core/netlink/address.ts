/**
 * Addresses of links: RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR (linux/if_addr.h).
 *
 * Body: `struct ifaddrmsg`, 8 bytes (family, prefix length, flags, scope, u32 link index), attributes.
 */
import { addressBytes, familyOf, isIpv4 } from "#base/address";
import { type Decoded, decoded, refused } from "#base/decoded";
import type { InterfaceAddress } from "#base/prefix";
import { type Duration, toMillis } from "#base/time";
import { type Attributes, decodeAttributes, textOf, u8Of, u32Of } from "./attributes.ts";
import type { MessageBuilder } from "./builder.ts";
import {
  AF_UNSPEC,
  IFA_ADDRESS,
  IFA_CACHEINFO,
  IFA_F_DADFAILED,
  IFA_F_NODAD,
  IFA_F_NOPREFIXROUTE,
  IFA_F_TENTATIVE,
  IFA_FLAGS,
  IFA_LABEL,
  IFA_LOCAL,
  IFA_PROTO,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  NLM_F_REQUEST,
  RTM_DELADDR,
  RTM_GETADDR,
  RTM_NEWADDR,
} from "./constants.ts";
import { addressOf, familyBits, familyNumber } from "./family.ts";
import { readHostU32, writeHostU32 } from "./host-order.ts";
import type { NetlinkDecodeError } from "./message.ts";

/** An address that a link carries. */
export type LinkAddress = InterfaceAddress & {
  readonly linkIndex: number;
  readonly label?: string;
  /** IFA_F_TENTATIVE: duplicate address detection is still running. */
  readonly tentative: boolean;
  /** IFA_F_DADFAILED: somebody else has it. */
  readonly duplicate: boolean;
  /** IFA_PROTO, which tells our addresses from others'; `undefined` on kernels before 5.18. */
  readonly protocol?: number;
};

/** The IFA_PROTO value on every address that is added for good ("S"), as edges do; the kernel itself uses 1 to 3. */
export const STEELYARD_ADDRESS_PROTOCOL = 0x53;
/** That on addresses with a lease ("s"): a speaker's. An edge on the same machine leaves them alone, and the other way round. */
export const LEASED_ADDRESS_PROTOCOL = 0x73;

/** Whether some program of ours has put an address there, as far as the kernel keeps that: since Linux 5.18. */
export const isMarkedAsOurs = ({ protocol }: Pick<LinkAddress, "protocol">): boolean =>
  protocol === STEELYARD_ADDRESS_PROTOCOL || protocol === LEASED_ADDRESS_PROTOCOL;

const HEADER_LENGTH = 8;
const FOREVER = 0xffff_ffff;

/** An address and the link it belongs to. */
export type AddressRequest = { readonly linkIndex: number; readonly address: InterfaceAddress };

/** An address to be added. */
export type AddressAddition = AddressRequest & {
  readonly label?: string;
  /** The rest of its subnet is reached another way: the kernel makes no route to it through this link. */
  readonly unrouted?: boolean;
};

/** An address that goes by itself after so long, unless it is leased again. At least a second; the kernel counts whole ones. */
export type AddressLease = AddressRequest & { readonly lifetime: Duration };

const putHeader = (
  builder: MessageBuilder,
  { linkIndex, address }: AddressRequest,
  prefixLength = address.prefixLength,
): void => {
  builder.u8(familyNumber(familyOf(address.address)));
  builder.u8(prefixLength);
  builder.u8(0);
  builder.u8(0);
  builder.u32(linkIndex);
};

/** IFA_CACHEINFO: preferred for 0 s, valid for so many. */
const deprecatedFor = (validSeconds: number): Uint8Array => {
  const bytes = new Uint8Array(16);
  writeHostU32(bytes, 4, validSeconds);
  return bytes;
};

const DEPRECATED_FOR_EVER = deprecatedFor(FOREVER);

/**
 * Asks for an address to be added, and for EEXIST if the link has it.
 *
 * IPv6 goes in without duplicate address detection, which would hold up a takeover for a second or more, and
 * deprecated (RFC 4862 §5.5.4), so that the host does not choose an address that may leave at any moment as the
 * source of its own connections. IPv4 has no such state; there the kernel prefers the older address of a subnet.
 */
export const encodeAddressAdd = (
  builder: MessageBuilder,
  sequence: number,
  request: AddressAddition,
): void => {
  const route = request.unrouted === true ? IFA_F_NOPREFIXROUTE : 0;
  const bytes = addressBytes(request.address.address);
  builder.begin({
    type: RTM_NEWADDR,
    flags: NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
    sequence,
  });
  putHeader(builder, request);
  builder.attributeBytes(IFA_LOCAL, bytes);
  builder.attributeBytes(IFA_ADDRESS, bytes);
  if (isIpv4(request.address.address)) {
    if (request.label !== undefined) builder.attributeText(IFA_LABEL, request.label);
    if (route !== 0) builder.attributeU32(IFA_FLAGS, route);
  } else {
    builder.attributeU32(IFA_FLAGS, IFA_F_NODAD | route);
    builder.attributeBytes(IFA_CACHEINFO, DEPRECATED_FOR_EVER);
  }
  builder.attributeU8(IFA_PROTO, STEELYARD_ADDRESS_PROTOCOL);
  builder.end();
};

/**
 * Asks for an address to be there for so long from now on, whether it was or not.
 *
 * As one that is added, and more: it goes when its time is up, so that the kernel does not answer for ever for a program that was
 * killed. No route to its subnet comes with it. The kernel tells every listener of each renewal.
 */
export const encodeAddressLease = (
  builder: MessageBuilder,
  sequence: number,
  request: AddressLease,
): void => {
  const bytes = addressBytes(request.address.address);
  builder.begin({
    type: RTM_NEWADDR,
    flags: NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE,
    sequence,
  });
  putHeader(builder, request);
  builder.attributeBytes(IFA_LOCAL, bytes);
  builder.attributeBytes(IFA_ADDRESS, bytes);
  const unprobed = isIpv4(request.address.address) ? 0 : IFA_F_NODAD;
  builder.attributeU32(IFA_FLAGS, IFA_F_NOPREFIXROUTE | unprobed);
  builder.attributeBytes(IFA_CACHEINFO, deprecatedFor(Math.ceil(toMillis(request.lifetime) / 1_000)));
  builder.attributeU8(IFA_PROTO, LEASED_ADDRESS_PROTOCOL);
  builder.end();
};

/** Asks for an address with exactly this prefix length to be removed. */
export const encodeAddressRemove = (
  builder: MessageBuilder,
  sequence: number,
  request: AddressRequest,
): void => {
  const bytes = addressBytes(request.address.address);
  builder.begin({ type: RTM_DELADDR, flags: NLM_F_REQUEST | NLM_F_ACK, sequence });
  putHeader(builder, request);
  builder.attributeBytes(IFA_LOCAL, bytes);
  builder.attributeBytes(IFA_ADDRESS, bytes);
  builder.end();
};

/**
 * Asks for one IPv6 address of one link, whatever its prefix length, which a strict kernel wants to be 0 in the
 * question. There is no such question for IPv4.
 */
export const encodeIpv6AddressGet = (
  builder: MessageBuilder,
  sequence: number,
  request: AddressRequest,
): void => {
  builder.begin({ type: RTM_GETADDR, flags: NLM_F_REQUEST | NLM_F_ACK, sequence });
  putHeader(builder, request, 0);
  builder.attributeBytes(IFA_ADDRESS, addressBytes(request.address.address));
  builder.end();
};

/** Asks for every address of both families. */
export const encodeAddressDump = (builder: MessageBuilder, sequence: number): void => {
  builder.begin({ type: RTM_GETADDR, flags: NLM_F_REQUEST | NLM_F_DUMP, sequence });
  builder.u32(AF_UNSPEC);
  builder.u32(0);
  builder.end();
};

const optionalAttributes = (attributes: Attributes): { label?: string; protocol?: number } => {
  const label = textOf(attributes.get(IFA_LABEL));
  const protocol = u8Of(attributes.get(IFA_PROTO));
  return {
    ...(label === undefined ? {} : { label }),
    ...(protocol === undefined ? {} : { protocol }),
  };
};

/** Reads the body of RTM_NEWADDR or RTM_DELADDR. */
export const decodeAddress = (body: Uint8Array): Decoded<LinkAddress, NetlinkDecodeError> => {
  const [family, prefixLength, shortFlags] = body;
  if (body.length < HEADER_LENGTH || family === undefined || prefixLength === undefined)
    return refused("truncated");
  const bits = familyBits(family);
  if (bits === undefined) return refused("other-family");
  const attributes = decodeAttributes(body.subarray(HEADER_LENGTH));
  if (!attributes.ok) return attributes;
  // With a peer, IFA_ADDRESS is the other end and IFA_LOCAL ours; without one, IPv6 leaves IFA_LOCAL out.
  const own = attributes.value.get(IFA_LOCAL) ?? attributes.value.get(IFA_ADDRESS);
  if (own === undefined) return refused("missing-attribute");
  const address = addressOf(family, own);
  if (address === undefined || prefixLength > bits) return refused("bad-attribute");
  const flags = u32Of(attributes.value.get(IFA_FLAGS)) ?? shortFlags ?? 0;
  return decoded({
    address,
    prefixLength,
    linkIndex: readHostU32(body, 4),
    tentative: (flags & IFA_F_TENTATIVE) !== 0,
    duplicate: (flags & IFA_F_DADFAILED) !== 0,
    ...optionalAttributes(attributes.value),
  });
};
