/**
 * The maps of the XDP program and what is in them, byte for byte as `native/xdp/balance.h` reads it.
 *
 * Integers are in host order, addresses and ports as on the wire; we ship for little-endian CPUs only.
 */
import { addressBytes, type IpAddress, isIpv4 } from "#base/address";
import { writeU16 } from "#base/bytes";
import { type MacAddress, macBytes } from "#base/mac";
import type { Protocol } from "#core/balance/model";
import type { BackendId } from "#core/balance/plan-model";
import { readHostU32, writeHostU16, writeHostU32 } from "#core/netlink/host-order";

/** What kind of map it is, and the bytes of its keys and values. */
export type MapLayout = {
  readonly kind: "hash" | "array" | "least-recently-used";
  readonly keySize: number;
  readonly valueSize: number;
};

/** All maps that the program names. */
export const MAPS = {
  /** The virtual servers of each family. */
  servers4: { kind: "hash", keySize: 8, valueSize: 20 },
  servers6: { kind: "hash", keySize: 20, valueSize: 20 },
  /** The slots of all servers, one server's after another's. */
  slots: { kind: "array", keySize: 4, valueSize: 8 },
  /** Backends by their place; place 0 is nobody's. */
  backends: { kind: "array", keySize: 4, valueSize: 32 },
  /** Flows in slots that have changed hands; written by packets, never by us. */
  flows: { kind: "least-recently-used", keySize: 24, valueSize: 16 },
  /** What was sent: for each CPU, one counter a place. */
  counters: { kind: "array", keySize: 4, valueSize: 16 },
  /** What was passed on: for each CPU, one counter a reason. */
  passed: { kind: "array", keySize: 4, valueSize: 8 },
  /** The interface that one copy of the program is attached to: a single value. */
  settings: { kind: "array", keySize: 4, valueSize: 24 },
} as const satisfies Record<string, MapLayout>;

export type MapName = keyof typeof MAPS;

/** Why packets for our servers were passed on to nftables, in the order of `enum reason`. */
export const PASS_REASONS = [
  /** The slot has no backend: nobody is available. */
  "no-owner",
  /** The backend's Ethernet address is not known. */
  "no-neighbour",
  /** Longer than the way out takes in one piece: received frames that the kernel had joined. */
  "too-long",
  /** The backend is behind another interface, and this one's driver cannot be trusted to get it there. */
  "other-interface",
  /** A piece of a fragmented packet. */
  "fragment",
  /** The hop count has run out. */
  "hops",
  /** nftables records the flow, or renews its record. */
  "recording",
  /** The slot is nftables' alone, as it has recorded flows that we have not seen. */
  "left",
] as const;

export type PassReason = (typeof PASS_REASONS)[number];

const PROTOCOL_NUMBERS: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17 };

/** Where a virtual server is reached. */
export type Service = { readonly address: IpAddress; readonly protocol: Protocol; readonly port: number };

/** The map that holds a service of this family. */
export const serviceMap = ({ address }: Pick<Service, "address">): "servers4" | "servers6" =>
  isIpv4(address) ? "servers4" : "servers6";

/** The key of a service in its map. */
export const encodeService = ({ address, protocol, port }: Service): Uint8Array => {
  const octets = addressBytes(address);
  const key = new Uint8Array(octets.length + 4);
  key.set(octets);
  writeU16(key, octets.length, port);
  key[octets.length + 2] = PROTOCOL_NUMBERS[protocol];
  return key;
};

/** A server: its number in records of flows, its slots, how they are found and how long an idle flow is remembered. */
export type ServerEntry = {
  readonly number: number;
  readonly firstSlot: number;
  readonly slotCount: number;
  /** Whether the client's port plays no part in the hash. */
  readonly byAddressAlone: boolean;
  /** Whole seconds. */
  readonly idleSeconds: number;
};

/** The value of a server. */
export const encodeServer = (server: ServerEntry): Uint8Array => {
  const value = new Uint8Array(MAPS.servers4.valueSize);
  writeHostU32(value, 0, server.number);
  writeHostU32(value, 4, server.firstSlot);
  writeHostU32(value, 8, server.slotCount);
  writeHostU32(value, 12, server.byAddressAlone ? 1 : 0);
  writeHostU32(value, 16, server.idleSeconds);
  return value;
};

/** Most places: a slot has 24 bits for one. */
export const MOST_PLACES = 0x100_0000;

/** Flags of a slot. */
export const TRACKED = 1;
export const LEFT_TO_NFTABLES = 2;

/**
 * A slot as two words: the places of its owner and, in a transition, of its former owner (24 bits each), then flags.
 *
 * ```
 *  63            48 47                       24 23                        0
 * +----------------+---------------------------+---------------------------+
 * |     flags      |       former owner        |           owner           |
 * +----------------+---------------------------+---------------------------+
 * ```
 */
export const writeSlot = (
  words: Uint32Array,
  slot: number,
  { owner, former, flags }: { readonly owner: number; readonly former: number; readonly flags: number },
): void => {
  words[slot * 2] = (owner & 0xff_ffff) | ((former & 0xff) << 24);
  words[slot * 2 + 1] = ((former >>> 8) & 0xffff) | (flags << 16);
};

/** A backend and how to get there; `undefined` for its Ethernet address: not known. */
export type BackendEntry = {
  readonly id: BackendId;
  readonly mac: MacAddress | undefined;
  /** Whether recorded flows may still go there. */
  readonly serving: boolean;
  /** The way out: the index, Ethernet address and MTU in bytes of its interface; `undefined` when there is none. */
  readonly link: { readonly index: number; readonly mac: MacAddress; readonly mtu: number } | undefined;
};

const REACHABLE = 1;
const SERVING = 2;
const ETHERNET_HEADER = 14;

/** The value of a backend. */
export const encodeBackend = ({ id, mac, serving, link }: BackendEntry): Uint8Array => {
  const value = new Uint8Array(MAPS.backends.valueSize);
  const reachable = mac !== undefined && link !== undefined;
  if (reachable) {
    value.set(macBytes(mac), 0);
    value.set(macBytes(link.mac), 8);
    writeHostU32(value, 16, link.index);
    writeHostU16(value, 20, Math.min(link.mtu + ETHERNET_HEADER, 0xffff));
  }
  writeHostU16(value, 6, (reachable ? REACHABLE : 0) | (serving ? SERVING : 0));
  writeHostU32(value, 24, id);
  return value;
};

/** What a copy of the program knows of the interface that it is attached to. */
export type Settings = {
  readonly mac: MacAddress;
  readonly index: number;
  /** Places in `counters` for each CPU. */
  readonly places: number;
  /** Whether frames may leave through other interfaces. */
  readonly mayRedirect: boolean;
};

/** The value of `settings`. */
export const encodeSettings = ({ mac, index, places, mayRedirect }: Settings): Uint8Array => {
  const value = new Uint8Array(MAPS.settings.valueSize);
  value.set(macBytes(mac));
  writeHostU32(value, 8, index);
  writeHostU32(value, 12, places);
  writeHostU32(value, 16, mayRedirect ? 1 : 0);
  return value;
};

/** A key of an array. */
export const encodeIndex = (index: number): Uint8Array => {
  const key = new Uint8Array(4);
  writeHostU32(key, 0, index);
  return key;
};

/** The 64-bit counter at `offset`, exact up to 2^53. */
export const readCounter = (bytes: Uint8Array, offset: number): number =>
  readHostU32(bytes, offset) + readHostU32(bytes, offset + 4) * 0x1_0000_0000;
