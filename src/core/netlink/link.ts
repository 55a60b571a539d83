/**
 * Links: RTM_GETLINK asks, RTM_NEWLINK and RTM_DELLINK tell (linux/if_link.h). How they are changed: `link-change.ts`.
 *
 * Body: `struct ifinfomsg`, 16 bytes (family, pad, u16 hardware type, i32 index, u32 flags, u32 change), attributes.
 */
import { type Decoded, decoded, refused } from "#base/decoded";
import { type MacAddress, macFromBytes } from "#base/mac";
import { type Attributes, decodeAttributes, textOf, u32Of } from "./attributes.ts";
import type { MessageBuilder } from "./builder.ts";
import {
  AF_UNSPEC,
  ARPHRD_ETHER,
  IFF_DORMANT,
  IFF_LOOPBACK,
  IFF_LOWER_UP,
  IFF_UP,
  IFLA_ADDRESS,
  IFLA_EVENT,
  IFLA_EVENT_BONDING_FAILOVER,
  IFLA_EVENT_NOTIFY_PEERS,
  IFLA_EXT_MASK,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INFO_KIND,
  IFLA_INFO_SLAVE_KIND,
  IFLA_LINK,
  IFLA_LINKINFO,
  IFLA_MASTER,
  IFLA_MTU,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  RTEXT_FILTER_SKIP_STATS,
  RTM_GETLINK,
} from "./constants.ts";
import { readHostI32, readHostU16, readHostU32 } from "./host-order.ts";
import type { NetlinkDecodeError } from "./message.ts";

/** A network interface. */
export type Link = {
  readonly index: number;
  readonly name: string;
  /** Ethernet address; `undefined` on links that have none. */
  readonly mac?: MacAddress;
  readonly mtu: number;
  /** Administratively up (IFF_UP). */
  readonly up: boolean;
  /** IFF_LOWER_UP and not IFF_DORMANT: the cable is in, the other side is there, and lets us in. */
  readonly carrier: boolean;
  readonly loopback: boolean;
  /** Index of the bridge, bond, team or VRF it belongs to. */
  readonly master?: number;
  /** What it belongs to, in the kernel's word: `bridge`, `bond`, `team`, `vrf`. */
  readonly masterKind?: string;
  /** What it is, in the kernel's word: `vlan`, `bond`, `bridge`, `macvlan`; `undefined` for most hardware. */
  readonly kind?: string;
  /** Index of the link below it; for a veth that of its other end, which may lie in another namespace. */
  readonly lower?: number;
  /** Words that somebody gave it (IFLA_IFALIAS). */
  readonly alias?: string;
};

/** Whether its packets are its master's: it has no addresses of its own to speak from. A VRF only picks routes. */
export const isEnslaved = ({ master, masterKind }: Link): boolean =>
  master !== undefined && masterKind !== "vrf";

const HEADER_LENGTH = 16;

/** Asks for every link, without counters. */
export const encodeLinkDump = (builder: MessageBuilder, sequence: number): void => {
  builder.begin({ type: RTM_GETLINK, flags: NLM_F_REQUEST | NLM_F_DUMP, sequence });
  for (let word = 0; word < HEADER_LENGTH / 4; word += 1) builder.u32(0);
  builder.attributeU32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  builder.end();
};

type Relations = Pick<Link, "master" | "masterKind" | "kind" | "lower" | "alias">;

/** What it is and belongs to; what the kernel did not say, or said in a way that cannot be read, is left out. */
const relationsOf = (attributes: Attributes): Relations => {
  const info = decodeAttributes(attributes.get(IFLA_LINKINFO) ?? new Uint8Array(0));
  const kind = info.ok ? textOf(info.value.get(IFLA_INFO_KIND)) : undefined;
  const masterKind = info.ok ? textOf(info.value.get(IFLA_INFO_SLAVE_KIND)) : undefined;
  const master = u32Of(attributes.get(IFLA_MASTER));
  const lower = u32Of(attributes.get(IFLA_LINK));
  const alias = textOf(attributes.get(IFLA_IFALIAS));
  return {
    ...(master === undefined ? {} : { master }),
    ...(masterKind === undefined ? {} : { masterKind }),
    ...(kind === undefined ? {} : { kind }),
    ...(lower === undefined ? {} : { lower }),
    ...(alias === undefined ? {} : { alias }),
  };
};

/**
 * Reads the body of RTM_NEWLINK or RTM_DELLINK.
 *
 * A bridge sends both to the same group with family AF_BRIDGE when a port joins or leaves: that is `other-family`
 * and must not be taken for the link's end.
 */
export const decodeLink = (body: Uint8Array): Decoded<Link, NetlinkDecodeError> => {
  if (body.length < HEADER_LENGTH) return refused("truncated");
  if (body[0] !== AF_UNSPEC) return refused("other-family");
  const attributes = decodeAttributes(body.subarray(HEADER_LENGTH));
  if (!attributes.ok) return attributes;
  const name = textOf(attributes.value.get(IFLA_IFNAME));
  const mtu = u32Of(attributes.value.get(IFLA_MTU));
  const index = readHostI32(body, 4);
  if (name === undefined || mtu === undefined) return refused("missing-attribute");
  if (name === "" || index < 1) return refused("bad-attribute");
  const flags = readHostU32(body, 8);
  const hardware = attributes.value.get(IFLA_ADDRESS);
  const ethernet = readHostU16(body, 2) === ARPHRD_ETHER && hardware?.length === 6;
  return decoded({
    index,
    name,
    ...(ethernet ? { mac: macFromBytes(hardware) } : {}),
    mtu,
    up: (flags & IFF_UP) !== 0,
    carrier: (flags & (IFF_LOWER_UP | IFF_DORMANT)) === IFF_LOWER_UP,
    loopback: (flags & IFF_LOOPBACK) !== 0,
    ...relationsOf(attributes.value),
  });
};

/** Whether the body of RTM_NEWLINK tells that the link is reached another way from now on, though it is itself as it was. */
export const isReroute = (body: Uint8Array): boolean => {
  if (body.length < HEADER_LENGTH || body[0] !== AF_UNSPEC) return false;
  const attributes = decodeAttributes(body.subarray(HEADER_LENGTH));
  const event = attributes.ok ? u32Of(attributes.value.get(IFLA_EVENT)) : undefined;
  return event === IFLA_EVENT_BONDING_FAILOVER || event === IFLA_EVENT_NOTIFY_PEERS;
};
