/**
 * The codec of services: IPVS_CMD_*_SERVICE and the attribute IPVS_CMD_ATTR_SERVICE.
 *
 * ```
 *  +----------+----------------+--------------------+------------+
 *  | AF (2)   | PROTOCOL (2)   | ADDR (16)          | PORT (2)   |  the identity; an IPv4 address is padded with
 *  +----------+----------------+--------------------+------------+  zeros, the port is in network order
 *  | SCHED_NAME (text) | FLAGS (4, mask 4) | TIMEOUT (4) | NETMASK (4) |
 *  +-------------------+-------------------+-------------+-------------+
 * ```
 *
 * NETMASK is a mask in network order for IPv4 and a prefix length for IPv6.
 */
import { addressBytes, familyOf, type IpAddress } from "#base/address";
import { readU16, writeU16 } from "#base/bytes";
import { type Decoded, decoded, refused } from "#base/decoded";
import type { Protocol } from "#core/balance/model";
import { beginGeneric } from "#core/genetlink/message";
import { type Attributes, decodeAttributes, textOf, u32Of } from "#core/netlink/attributes";
import type { MessageBuilder } from "#core/netlink/builder";
import { NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST } from "#core/netlink/constants";
import { addressOf, familyBits, familyNumber } from "#core/netlink/family";
import { readHostU16, readHostU32, writeHostU32 } from "#core/netlink/host-order";
import type { NetlinkDecodeError } from "#core/netlink/message";
import {
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPVS_CMD_ATTR_SERVICE,
  IPVS_CMD_DEL_SERVICE,
  IPVS_CMD_GET_SERVICE,
  IPVS_CMD_NEW_SERVICE,
  IPVS_CMD_SET_SERVICE,
  IPVS_GENL_VERSION,
  IPVS_SVC_ATTR_ADDR,
  IPVS_SVC_ATTR_AF,
  IPVS_SVC_ATTR_FLAGS,
  IPVS_SVC_ATTR_FWMARK,
  IPVS_SVC_ATTR_NETMASK,
  IPVS_SVC_ATTR_PORT,
  IPVS_SVC_ATTR_PROTOCOL,
  IPVS_SVC_ATTR_SCHED_NAME,
  IPVS_SVC_ATTR_TIMEOUT,
  SERVICE_FLAGS,
} from "./constants.ts";
import type { IpvsService, ServiceAddress } from "./model.ts";

/** The family's number and the message's, which every IPVS message needs. */
export type IpvsEnvelope = { readonly family: number; readonly sequence: number };

/** Why a service was not read: `foreign-kind` is one that we never make, by firewall mark or of another protocol. */
export type ServiceDecodeError = NetlinkDecodeError | "foreign-kind";

const PROTOCOL_NUMBERS: Readonly<Record<Protocol, number>> = { tcp: IPPROTO_TCP, udp: IPPROTO_UDP };
/** `union nf_inet_addr` has room for either family. */
const ADDRESS_LENGTH = 16;
const IPV4_LENGTH = 4;
const ALL_BITS = 0xffff_ffff;

/** Starts an IPVS message; attributes and `end` follow. */
export const beginIpvs = (
  builder: MessageBuilder,
  { family, sequence }: IpvsEnvelope,
  { command, flags }: { readonly command: number; readonly flags: number },
): void => {
  beginGeneric(builder, {
    family,
    command,
    version: IPVS_GENL_VERSION,
    flags: NLM_F_REQUEST | flags,
    sequence,
  });
};

/** The number of an address family as a 16-bit attribute. */
export const writeFamily = (builder: MessageBuilder, type: number, address: IpAddress): void =>
  builder.attributeU16(type, familyNumber(familyOf(address)));

/** An address as `union nf_inet_addr`. */
export const writeAddress = (builder: MessageBuilder, type: number, address: IpAddress): void => {
  const bytes = new Uint8Array(ADDRESS_LENGTH);
  bytes.set(addressBytes(address));
  builder.attributeBytes(type, bytes);
};

/** A port in network order. */
export const writePort = (builder: MessageBuilder, type: number, port: number): void => {
  const bytes = new Uint8Array(2);
  writeU16(bytes, 0, port);
  builder.attributeBytes(type, bytes);
};

/** The address in a `union nf_inet_addr`; `undefined` when missing, of another size or another family than IP. */
export const readAddress = (family: number, value: Uint8Array | undefined): IpAddress | undefined => {
  const bits = familyBits(family);
  if (value?.length !== ADDRESS_LENGTH || bits === undefined) return undefined;
  return addressOf(family, value.subarray(0, bits / 8));
};

/** The port that an attribute holds; `undefined` when missing or of another size. */
export const readPort = (value: Uint8Array | undefined): number | undefined =>
  value?.length === 2 ? readU16(value, 0) : undefined;

/** The 16-bit host-order integer that an attribute holds; `undefined` when missing or of another size. */
export const u16Of = (value: Uint8Array | undefined): number | undefined =>
  value?.length === 2 ? readHostU16(value, 0) : undefined;

/** Appends the attribute that says which service is meant. */
export const writeServiceAddress = (builder: MessageBuilder, service: ServiceAddress): void => {
  const nest = builder.openNest(IPVS_CMD_ATTR_SERVICE);
  writeIdentity(builder, service);
  builder.closeNest(nest);
};

const writeIdentity = (builder: MessageBuilder, { address, protocol, port }: ServiceAddress): void => {
  writeFamily(builder, IPVS_SVC_ATTR_AF, address);
  builder.attributeU16(IPVS_SVC_ATTR_PROTOCOL, PROTOCOL_NUMBERS[protocol]);
  writeAddress(builder, IPVS_SVC_ATTR_ADDR, address);
  writePort(builder, IPVS_SVC_ATTR_PORT, port);
};

const maskOf = (prefixLength: number): Uint8Array => {
  const mask = new Uint8Array(IPV4_LENGTH);
  for (let bit = 0; bit < prefixLength; bit += 1)
    mask[bit >> 3] = (mask[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
  return mask;
};

/** `struct ip_vs_flags`: the flags, and which of them are meant. */
const flagBytes = (flags: number): Uint8Array => {
  const bytes = new Uint8Array(8);
  writeHostU32(bytes, 0, flags);
  writeHostU32(bytes, 4, ALL_BITS);
  return bytes;
};

const writeService = (builder: MessageBuilder, service: IpvsService): void => {
  const nest = builder.openNest(IPVS_CMD_ATTR_SERVICE);
  writeIdentity(builder, service);
  builder.attributeText(IPVS_SVC_ATTR_SCHED_NAME, service.scheduler);
  builder.attributeBytes(IPVS_SVC_ATTR_FLAGS, flagBytes(service.flags));
  builder.attributeU32(IPVS_SVC_ATTR_TIMEOUT, service.persistence);
  if (familyOf(service.address) === "IPv4") {
    builder.attributeBytes(IPVS_SVC_ATTR_NETMASK, maskOf(service.prefixLength));
  } else {
    builder.attributeU32(IPVS_SVC_ATTR_NETMASK, service.prefixLength);
  }
  builder.closeNest(nest);
};

/** Adds a service, or changes how an existing one chooses. */
export const encodeServiceChange = (
  builder: MessageBuilder,
  envelope: IpvsEnvelope,
  { operation, service }: { readonly operation: "add" | "edit"; readonly service: IpvsService },
): void => {
  const command = operation === "add" ? IPVS_CMD_NEW_SERVICE : IPVS_CMD_SET_SERVICE;
  beginIpvs(builder, envelope, { command, flags: NLM_F_ACK });
  writeService(builder, service);
  builder.end();
};

/** Removes a service with its destinations. Its connections have nowhere to go then. */
export const encodeServiceRemove = (
  builder: MessageBuilder,
  envelope: IpvsEnvelope,
  service: ServiceAddress,
): void => {
  beginIpvs(builder, envelope, { command: IPVS_CMD_DEL_SERVICE, flags: NLM_F_ACK });
  writeServiceAddress(builder, service);
  builder.end();
};

/** Asks for every service of both families. */
export const encodeServiceDump = (builder: MessageBuilder, envelope: IpvsEnvelope): void => {
  beginIpvs(builder, envelope, { command: IPVS_CMD_GET_SERVICE, flags: NLM_F_DUMP });
  builder.end();
};

/** The prefix length of a mask; a mask with holes counts the ones before the first. */
const prefixLengthOf = (mask: Uint8Array): number => {
  let length = 0;
  while (length < mask.length * 8 && ((mask[length >> 3] ?? 0) & (0x80 >> (length & 7))) !== 0) length += 1;
  return length;
};

const decodeIdentity = (attributes: Attributes): Decoded<ServiceAddress, ServiceDecodeError> => {
  if (attributes.has(IPVS_SVC_ATTR_FWMARK)) return refused("foreign-kind");
  const family = u16Of(attributes.get(IPVS_SVC_ATTR_AF));
  const number = u16Of(attributes.get(IPVS_SVC_ATTR_PROTOCOL));
  const port = readPort(attributes.get(IPVS_SVC_ATTR_PORT));
  if (family === undefined || number === undefined || port === undefined) return refused("missing-attribute");
  if (number !== IPPROTO_TCP && number !== IPPROTO_UDP) return refused("foreign-kind");
  const address = readAddress(family, attributes.get(IPVS_SVC_ATTR_ADDR));
  if (address === undefined) return refused("bad-attribute");
  return decoded({ address, protocol: number === IPPROTO_TCP ? "tcp" : "udp", port });
};

/** Reads a service from the attributes of an IPVS_CMD_NEW_SERVICE message. */
export const decodeService = (message: Attributes): Decoded<IpvsService, ServiceDecodeError> => {
  const nested = message.get(IPVS_CMD_ATTR_SERVICE);
  if (nested === undefined) return refused("missing-attribute");
  const attributes = decodeAttributes(nested);
  if (!attributes.ok) return attributes;
  const identity = decodeIdentity(attributes.value);
  if (!identity.ok) return identity;
  const scheduler = textOf(attributes.value.get(IPVS_SVC_ATTR_SCHED_NAME));
  const flags = attributes.value.get(IPVS_SVC_ATTR_FLAGS);
  const persistence = u32Of(attributes.value.get(IPVS_SVC_ATTR_TIMEOUT));
  const netmask = attributes.value.get(IPVS_SVC_ATTR_NETMASK);
  if (scheduler === undefined || flags === undefined || persistence === undefined || netmask === undefined) {
    return refused("missing-attribute");
  }
  if (flags.length !== 8 || netmask.length !== IPV4_LENGTH) return refused("bad-attribute");
  return decoded({
    ...identity.value,
    scheduler,
    flags: readHostU32(flags, 0) & SERVICE_FLAGS,
    persistence,
    prefixLength: identity.value.address.includes(":") ? readHostU32(netmask, 0) : prefixLengthOf(netmask),
  });
};
