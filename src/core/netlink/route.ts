/**
 * How the kernel would send a packet: RTM_GETROUTE for one destination, answered by RTM_NEWROUTE (linux/rtnetlink.h).
 *
 * Body: `struct rtmsg`, 12 bytes (family, destination and source length, tos, table, protocol, scope, type,
 * u32 flags), attributes.
 */
import { addressBytes, familyOf, type IpAddress } from "#base/address";
import { type Decoded, decoded, refused } from "#base/decoded";
import { addressBits } from "#base/prefix";
import { decodeAttributes, u32Of } from "./attributes.ts";
import type { MessageBuilder } from "./builder.ts";
import {
  NLM_F_ACK,
  NLM_F_REQUEST,
  RTA_DST,
  RTA_GATEWAY,
  RTA_OIF,
  RTA_PREFSRC,
  RTA_VIA,
  RTM_GETROUTE,
} from "./constants.ts";
import { addressOf, familyBits, familyNumber } from "./family.ts";
import { readHostU16 } from "./host-order.ts";
import type { NetlinkDecodeError } from "./message.ts";

/** The link that a destination is reached through, the gateway if it is not direct, and the source address used. */
export type Route = {
  readonly linkIndex: number;
  readonly gateway?: IpAddress;
  readonly source?: IpAddress;
};

const HEADER_LENGTH = 12;

/** Asks which way the kernel would send to `destination`. */
export const encodeRouteGet = (builder: MessageBuilder, sequence: number, destination: IpAddress): void => {
  builder.begin({ type: RTM_GETROUTE, flags: NLM_F_REQUEST | NLM_F_ACK, sequence });
  builder.u8(familyNumber(familyOf(destination)));
  builder.u8(addressBits(destination));
  builder.u16(0);
  builder.u32(0);
  builder.u32(0);
  builder.attributeBytes(RTA_DST, addressBytes(destination));
  builder.end();
};

/** RTA_VIA: a gateway of another family than the destination's, such as IPv4 through an IPv6 next hop (RFC 5549). */
const viaOf = (value: Uint8Array | undefined): IpAddress | undefined =>
  value === undefined || value.length < 2 ? undefined : addressOf(readHostU16(value, 0), value.subarray(2));

/** Reads the body of RTM_NEWROUTE. */
export const decodeRoute = (body: Uint8Array): Decoded<Route, NetlinkDecodeError> => {
  const family = body[0];
  if (body.length < HEADER_LENGTH || family === undefined) return refused("truncated");
  if (familyBits(family) === undefined) return refused("other-family");
  const attributes = decodeAttributes(body.subarray(HEADER_LENGTH));
  if (!attributes.ok) return attributes;
  const linkIndex = u32Of(attributes.value.get(RTA_OIF));
  if (linkIndex === undefined) return refused("missing-attribute");
  const gateway =
    addressOf(family, attributes.value.get(RTA_GATEWAY)) ?? viaOf(attributes.value.get(RTA_VIA));
  const source = addressOf(family, attributes.value.get(RTA_PREFSRC));
  return decoded({
    linkIndex,
    ...(gateway === undefined ? {} : { gateway }),
    ...(source === undefined ? {} : { source }),
  });
};
