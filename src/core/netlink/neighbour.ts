/**
 * Neighbours (ARP and NDP entries): RTM_GETNEIGH asks, RTM_NEWNEIGH tells, or asks to find one (linux/neighbour.h).
 *
 * Body: `struct ndmsg`, 12 bytes (family, 3 pad, i32 link index, u16 state, flags, type), attributes.
 */
import { addressBytes, type IpAddress, isIpv4 } from "#base/address";
import { type Decoded, decoded, refused } from "#base/decoded";
import { type MacAddress, macFromBytes } from "#base/mac";
import { decodeAttributes } from "./attributes.ts";
import type { MessageBuilder } from "./builder.ts";
import {
  AF_INET,
  AF_INET6,
  NDA_DST,
  NDA_LLADDR,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  NTF_USE,
  RTM_GETNEIGH,
  RTM_NEWNEIGH,
} from "./constants.ts";
import { addressOf, familyBits } from "./family.ts";
import { readHostI32, readHostU16 } from "./host-order.ts";
import type { NetlinkDecodeError } from "./message.ts";

/** The kernel's NUD states (RFC 4861 §7.3.2 and Linux's own). */
const STATES = [
  { bit: 0x01, state: "incomplete" },
  { bit: 0x02, state: "reachable" },
  { bit: 0x04, state: "stale" },
  { bit: 0x08, state: "delay" },
  { bit: 0x10, state: "probe" },
  { bit: 0x20, state: "failed" },
  { bit: 0x40, state: "noarp" },
  { bit: 0x80, state: "permanent" },
] as const;

/** How much the kernel trusts a neighbour entry; `none` before anything was tried. */
export type NeighbourState = (typeof STATES)[number]["state"] | "none";

/** What the kernel knows of a machine on the same link. */
export type Neighbour = {
  readonly linkIndex: number;
  readonly address: IpAddress;
  /** Its Ethernet address, once it has answered. */
  readonly mac?: MacAddress;
  readonly state: NeighbourState;
};

const HEADER_LENGTH = 12;

/** Asks for every neighbour of both families. */
export const encodeNeighbourDump = (builder: MessageBuilder, sequence: number): void => {
  builder.begin({ type: RTM_GETNEIGH, flags: NLM_F_REQUEST | NLM_F_DUMP, sequence });
  for (let word = 0; word < HEADER_LENGTH / 4; word += 1) builder.u32(0);
  builder.end();
};

/**
 * Asks the kernel to find a neighbour, or to make sure of it when it has not been heard for a while, as if a packet were
 * to be sent there. What it finds out is told to listeners; the entry is an ordinary one that ages.
 */
export const encodeNeighbourUse = (
  builder: MessageBuilder,
  sequence: number,
  { linkIndex, address }: Pick<Neighbour, "linkIndex" | "address">,
): void => {
  builder.begin({ type: RTM_NEWNEIGH, flags: NLM_F_REQUEST | NLM_F_CREATE, sequence });
  builder.u8(isIpv4(address) ? AF_INET : AF_INET6);
  builder.u8(0);
  builder.u16(0);
  builder.u32(linkIndex);
  builder.u16(0);
  builder.u8(NTF_USE);
  builder.u8(0);
  builder.attributeBytes(NDA_DST, addressBytes(address));
  builder.end();
};

/** Whether packets can be sent to a neighbour in this state, though not all of them prove that it is still there. */
export const isUsable = ({ mac, state }: Neighbour): boolean =>
  mac !== undefined && state !== "incomplete" && state !== "failed" && state !== "none";

/** Reads the body of RTM_NEWNEIGH or RTM_DELNEIGH; a bridge's forwarding entries are `other-family`. */
export const decodeNeighbour = (body: Uint8Array): Decoded<Neighbour, NetlinkDecodeError> => {
  const family = body[0];
  if (body.length < HEADER_LENGTH || family === undefined) return refused("truncated");
  if (familyBits(family) === undefined) return refused("other-family");
  const attributes = decodeAttributes(body.subarray(HEADER_LENGTH));
  if (!attributes.ok) return attributes;
  const destination = attributes.value.get(NDA_DST);
  if (destination === undefined) return refused("missing-attribute");
  const address = addressOf(family, destination);
  if (address === undefined) return refused("bad-attribute");
  const hardware = attributes.value.get(NDA_LLADDR);
  const bits = readHostU16(body, 8);
  return decoded({
    linkIndex: readHostI32(body, 4),
    address,
    ...(hardware?.length === 6 ? { mac: macFromBytes(hardware) } : {}),
    state: STATES.find(({ bit }) => (bits & bit) !== 0)?.state ?? "none",
  });
};
