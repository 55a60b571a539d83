/**
 * Changes of links: macvlans made and removed, links taken up and down (linux/if_link.h).
 *
 * Body: `struct ifinfomsg`, 16 bytes (family, pad, u16 hardware type, i32 index, u32 flags, u32 change), attributes.
 */
import { type MacAddress, macBytes } from "#base/mac";
import type { MessageBuilder } from "./builder.ts";
import {
  AF_INET6,
  IFF_UP,
  IFLA_ADDRESS,
  IFLA_AF_SPEC,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INET6_ADDR_GEN_MODE,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_LINK,
  IFLA_LINKINFO,
  IFLA_MACVLAN_MODE,
  IN6_ADDR_GEN_MODE_NONE,
  MACVLAN_MODE_BRIDGE,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REQUEST,
  RTM_DELLINK,
  RTM_NEWLINK,
  RTM_SETLINK,
} from "./constants.ts";

/** A macvlan to be made: an interface with an Ethernet address of its own on top of another. */
export type MacvlanRequest = {
  /** At most 15 characters. */
  readonly name: string;
  /** Index of the interface below. */
  readonly lower: number;
  readonly mac: MacAddress;
};

const putHeader = (builder: MessageBuilder, index: number, flags = 0, change = 0): void => {
  builder.u32(0);
  builder.u32(index);
  builder.u32(flags);
  builder.u32(change);
};

/**
 * Asks for a macvlan, down, and for EEXIST if there is a link of that name.
 *
 * In bridge mode, because a private one keeps multicast that comes from its own MAC address to itself: two routers with
 * the same virtual MAC address, both active, would never hear each other on the interface below.
 */
export const encodeMacvlanAdd = (
  builder: MessageBuilder,
  sequence: number,
  { name, lower, mac }: MacvlanRequest,
): void => {
  const flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
  builder.begin({ type: RTM_NEWLINK, flags, sequence });
  putHeader(builder, 0);
  builder.attributeText(IFLA_IFNAME, name);
  builder.attributeU32(IFLA_LINK, lower);
  builder.attributeBytes(IFLA_ADDRESS, macBytes(mac));
  const info = builder.openNest(IFLA_LINKINFO);
  builder.attributeText(IFLA_INFO_KIND, "macvlan");
  const data = builder.openNest(IFLA_INFO_DATA);
  builder.attributeU32(IFLA_MACVLAN_MODE, MACVLAN_MODE_BRIDGE);
  builder.closeNest(data);
  builder.closeNest(info);
  builder.end();
};

const beginSet = (builder: MessageBuilder, sequence: number): void =>
  builder.begin({ type: RTM_SETLINK, flags: NLM_F_REQUEST | NLM_F_ACK, sequence });

/** Gives a link words of ours, which the kernel does not take when it makes one. */
export const encodeLinkAlias = (
  builder: MessageBuilder,
  sequence: number,
  { index, alias }: { readonly index: number; readonly alias: string },
): void => {
  beginSet(builder, sequence);
  putHeader(builder, index);
  builder.attributeText(IFLA_IFALIAS, alias);
  builder.end();
};

/** Lets a link make no IPv6 link-local address by itself. */
export const encodeLinkWithoutIpv6 = (builder: MessageBuilder, sequence: number, index: number): void => {
  beginSet(builder, sequence);
  putHeader(builder, index);
  const families = builder.openNest(IFLA_AF_SPEC);
  const ipv6 = builder.openNest(AF_INET6);
  builder.attributeU8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
  builder.closeNest(ipv6);
  builder.closeNest(families);
  builder.end();
};

/** Takes a link up or down. */
export const encodeLinkUp = (
  builder: MessageBuilder,
  sequence: number,
  { index, up }: { readonly index: number; readonly up: boolean },
): void => {
  beginSet(builder, sequence);
  putHeader(builder, index, up ? IFF_UP : 0, IFF_UP);
  builder.end();
};

/** Asks for a link to be removed. */
export const encodeLinkRemove = (builder: MessageBuilder, sequence: number, index: number): void => {
  builder.begin({ type: RTM_DELLINK, flags: NLM_F_REQUEST | NLM_F_ACK, sequence });
  putHeader(builder, index);
  builder.end();
};
