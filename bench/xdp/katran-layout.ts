/**
 * What Katran's maps hold, byte for byte as its program reads it (`balancer_structs.h` in its sources), and what an
 * encapsulated frame of it looks like. Integers in host order, addresses and ports as on the wire.
 */
import { addressBytes, type IpAddress } from "#base/address";
import { readU16, writeU16, writeU32 } from "#base/bytes";
import { macBytes } from "#base/mac";
import { writeHostU32 } from "#core/netlink/host-order";
import type { MapDefinition } from "./definitions.ts";
import {
  clientOf,
  ETHERNET_LENGTH,
  type Family,
  IPV4_TYPE,
  IPV6_TYPE,
  ipLength,
  OTHER,
  TCP,
  VIRTUAL,
} from "./packets.ts";

/** Sizes of the keys and values that we write. */
export const KATRAN_MAPS = {
  ctl_array: { keySize: 4, valueSize: 8 },
  vip_map: { keySize: 20, valueSize: 8 },
  ch_rings: { keySize: 4, valueSize: 4 },
  reals: { keySize: 4, valueSize: 20 },
  lru_mapping: { keySize: 4, valueSize: 4 },
  fallback_cache: { keySize: 40, valueSize: 16 },
} as const satisfies Record<string, Pick<MapDefinition, "keySize" | "valueSize">>;

/** The ring of each virtual address, a prime of Katran's choice. */
export const RING_SIZE = 65_537;
/** Connections that its library has it remember, shared among the processors that forward. */
export const LRU_SIZE = 8_000_000;

/** Katran's flags of a virtual address and of a backend. */
const LRU_BYPASS = 1 << 1;
const IS_IPV6 = 1 << 0;

/** Whether connections are remembered, as they are unless the operator asks for none. */
export type Memory = "remembers" | "bypasses";

/** struct vip_definition: address, port, protocol. */
export const vipKey = (family: Family, port: number): Uint8Array => {
  const key = new Uint8Array(KATRAN_MAPS.vip_map.keySize);
  key.set(addressBytes(VIRTUAL[family]));
  writeU16(key, 16, port);
  key[18] = TCP;
  return key;
};

/** struct vip_meta: flags, number. */
export const vipValue = (number: number, memory: Memory): Uint8Array => {
  const value = new Uint8Array(KATRAN_MAPS.vip_map.valueSize);
  writeHostU32(value, 0, memory === "bypasses" ? LRU_BYPASS : 0);
  writeHostU32(value, 4, number);
  return value;
};

/** struct real_definition: address, flags. */
export const realValue = (family: Family, address: IpAddress): Uint8Array => {
  const value = new Uint8Array(KATRAN_MAPS.reals.valueSize);
  value.set(addressBytes(address));
  value[16] = family === "IPv6" ? IS_IPV6 : 0;
  return value;
};

/** struct ctl_value at place 0: the router that gets all frames. */
export const gatewayValue = (): Uint8Array => {
  const value = new Uint8Array(KATRAN_MAPS.ctl_array.valueSize);
  value.set(macBytes(OTHER));
  return value;
};

/** struct flow_key of a drawn flow: client, virtual address, ports, protocol. */
export const writeFlowKey = (
  bytes: Uint8Array,
  at: number,
  { family, port, flow }: { readonly family: Family; readonly port: number; readonly flow: number },
): void => {
  const client = clientOf(flow);
  writeU32(bytes, at + (family === "IPv4" ? 0 : 12), client.address);
  bytes.set(addressBytes(VIRTUAL[family]), at + 16);
  writeU16(bytes, at + 32, client.port);
  writeU16(bytes, at + 34, port);
  bytes[at + 36] = TCP;
};

/** struct real_pos_lru: the backend's number; the time is for UDP. */
export const writeRecord = (bytes: Uint8Array, at: number, real: number): void => {
  writeHostU32(bytes, at, real);
};

const PROTOCOLS = { IPv4: 4, IPv6: 41 } as const;

/**
 * The backend that a frame is encapsulated for, as its address's bytes: to the router, IP in IP of the same family, the
 * whole packet within. `undefined` when the frame is anything else.
 */
export const encapsulatedFor = (
  frame: Uint8Array,
  sent: Uint8Array,
  family: Family,
): Uint8Array | undefined => {
  const length = ipLength(family);
  if (frame.length !== sent.length + length) return undefined;
  if (!macBytes(OTHER).every((byte, index) => frame[index] === byte)) return undefined;
  if (readU16(frame, 12) !== (family === "IPv4" ? IPV4_TYPE : IPV6_TYPE)) return undefined;
  const outer = frame.subarray(ETHERNET_LENGTH, ETHERNET_LENGTH + length);
  if (outer[family === "IPv4" ? 9 : 6] !== PROTOCOLS[family]) return undefined;
  const inner = frame.subarray(ETHERNET_LENGTH + length);
  const virtual = addressBytes(VIRTUAL[family]);
  const at = family === "IPv4" ? 16 : 24;
  if (!virtual.every((byte, index) => inner[at + index] === byte)) return undefined;
  return outer.subarray(at, at + virtual.length);
};
