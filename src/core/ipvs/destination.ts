/**
 * The codec of destinations: IPVS_CMD_*_DEST and the attribute IPVS_CMD_ATTR_DEST, beside the attribute that says
 * which service is meant.
 */

import { familyOf } from "#base/address";
import { type Decoded, decoded, refused } from "#base/decoded";
import { type Attributes, decodeAttributes, u32Of } from "#core/netlink/attributes";
import type { MessageBuilder } from "#core/netlink/builder";
import { NLM_F_ACK, NLM_F_DUMP } from "#core/netlink/constants";
import { familyNumber } from "#core/netlink/family";
import type { NetlinkDecodeError } from "#core/netlink/message";
import {
  IP_VS_CONN_F_DROUTE,
  IP_VS_CONN_F_FWD_MASK,
  IP_VS_CONN_F_MASQ,
  IPVS_CMD_ATTR_DEST,
  IPVS_CMD_DEL_DEST,
  IPVS_CMD_GET_DEST,
  IPVS_CMD_NEW_DEST,
  IPVS_CMD_SET_DEST,
  IPVS_DEST_ATTR_ADDR,
  IPVS_DEST_ATTR_ADDR_FAMILY,
  IPVS_DEST_ATTR_FWD_METHOD,
  IPVS_DEST_ATTR_L_THRESH,
  IPVS_DEST_ATTR_PORT,
  IPVS_DEST_ATTR_U_THRESH,
  IPVS_DEST_ATTR_WEIGHT,
} from "./constants.ts";
import type { Forwarding, IpvsDestination, ServiceAddress } from "./model.ts";
import {
  beginIpvs,
  type IpvsEnvelope,
  readAddress,
  readPort,
  u16Of,
  writeAddress,
  writeFamily,
  writePort,
  writeServiceAddress,
} from "./service.ts";

const COMMANDS = {
  add: IPVS_CMD_NEW_DEST,
  edit: IPVS_CMD_SET_DEST,
  remove: IPVS_CMD_DEL_DEST,
} as const;

/** One change of one destination of a service. */
export type DestinationChange = {
  readonly operation: keyof typeof COMMANDS;
  readonly service: ServiceAddress;
  readonly destination: IpvsDestination;
};

/** Adds, changes or removes a destination. */
export const encodeDestinationChange = (
  builder: MessageBuilder,
  envelope: IpvsEnvelope,
  { operation, service, destination }: DestinationChange,
): void => {
  beginIpvs(builder, envelope, { command: COMMANDS[operation], flags: NLM_F_ACK });
  writeServiceAddress(builder, service);
  const nest = builder.openNest(IPVS_CMD_ATTR_DEST);
  writeFamily(builder, IPVS_DEST_ATTR_ADDR_FAMILY, destination.address);
  writeAddress(builder, IPVS_DEST_ATTR_ADDR, destination.address);
  writePort(builder, IPVS_DEST_ATTR_PORT, destination.port);
  if (operation !== "remove") {
    const method = destination.forwarding === "direct" ? IP_VS_CONN_F_DROUTE : IP_VS_CONN_F_MASQ;
    builder.attributeU32(IPVS_DEST_ATTR_FWD_METHOD, method);
    builder.attributeU32(IPVS_DEST_ATTR_WEIGHT, destination.weight);
    builder.attributeU32(IPVS_DEST_ATTR_U_THRESH, 0);
    builder.attributeU32(IPVS_DEST_ATTR_L_THRESH, 0);
  }
  builder.closeNest(nest);
  builder.end();
};

/** Asks for every destination of a service. */
export const encodeDestinationDump = (
  builder: MessageBuilder,
  envelope: IpvsEnvelope,
  service: ServiceAddress,
): void => {
  beginIpvs(builder, envelope, { command: IPVS_CMD_GET_DEST, flags: NLM_F_DUMP });
  writeServiceAddress(builder, service);
  builder.end();
};

const forwardingOf = (method: number): Forwarding => {
  const masked = method & IP_VS_CONN_F_FWD_MASK;
  if (masked === IP_VS_CONN_F_MASQ) return "nat";
  return masked === IP_VS_CONN_F_DROUTE ? "direct" : "other";
};

/** Reads a destination of `service` from the attributes of an IPVS_CMD_NEW_DEST message. */
export const decodeDestination = (
  message: Attributes,
  service: ServiceAddress,
): Decoded<IpvsDestination, NetlinkDecodeError> => {
  const nested = message.get(IPVS_CMD_ATTR_DEST);
  if (nested === undefined) return refused("missing-attribute");
  const attributes = decodeAttributes(nested);
  if (!attributes.ok) return attributes;
  // Kernels before 3.18 do not say the family: it is the service's.
  const family =
    u16Of(attributes.value.get(IPVS_DEST_ATTR_ADDR_FAMILY)) ?? familyNumber(familyOf(service.address));
  const value = attributes.value.get(IPVS_DEST_ATTR_ADDR);
  const port = readPort(attributes.value.get(IPVS_DEST_ATTR_PORT));
  const method = u32Of(attributes.value.get(IPVS_DEST_ATTR_FWD_METHOD));
  const weight = u32Of(attributes.value.get(IPVS_DEST_ATTR_WEIGHT));
  if (value === undefined || port === undefined || method === undefined || weight === undefined) {
    return refused("missing-attribute");
  }
  const address = readAddress(family, value);
  if (address === undefined) return refused("bad-attribute");
  const limits = [IPVS_DEST_ATTR_U_THRESH, IPVS_DEST_ATTR_L_THRESH];
  const limited = limits.some((type) => (u32Of(attributes.value.get(type)) ?? 0) !== 0);
  return decoded({ address, port, forwarding: forwardingOf(method), weight, limited });
};
