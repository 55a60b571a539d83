/** The frames that programs are run on, and the addresses in them. `draw.h` draws the client of each anew. */
import { addressBytes, type IpAddress, parseAddress } from "#base/address";
import { assert } from "#base/assert";
import { writeU16, writeU32 } from "#base/bytes";
import { type MacAddress, macBytes, parseMac } from "#base/mac";

export const XDP_PASS = 2;
export const XDP_TX = 3;
/** Backends of each virtual server. */
export const BACKENDS = 100;

export const TCP = 6;
export const IPV4_TYPE = 0x0800;
export const IPV6_TYPE = 0x86dd;
export const ETHERNET_LENGTH = 14;
const TCP_LENGTH = 20;
const FLAGS = { established: 16, opening: 2 } as const;

const required = <Value>(value: Value | undefined): Value => {
  assert(value !== undefined, "a constant of the bench");
  return value;
};

/** The machine itself, and its neighbours: backends, or the router before them. */
export const OWN: MacAddress = required(parseMac("02:00:00:00:00:01"));
export const OTHER: MacAddress = required(parseMac("02:00:00:00:00:0b"));

export const VIRTUAL = {
  IPv4: required(parseAddress("10.2.0.100")),
  IPv6: required(parseAddress("fd02::100")),
} as const;

export type Family = keyof typeof VIRTUAL;
export const FAMILIES = ["IPv4", "IPv6"] as const satisfies readonly Family[];

/** The address of a backend, from 0 on. */
export const backendAddress = (family: Family, index: number): IpAddress =>
  required(parseAddress(family === "IPv4" ? `10.2.1.${index}` : `fd02::1:${index}`));

/** What a packet is of: a connection that is open, or its first. */
export type Stage = keyof typeof FLAGS;

export type Shape = {
  readonly family: Family;
  readonly port: number;
  /** The flows are 2 to the power of this. */
  readonly bits: number;
  readonly drawOnly?: boolean;
  readonly stage?: Stage;
};

export const ipLength = (family: Family): number => (family === "IPv4" ? 20 : 40);

export const frame = ({ family, port, bits, drawOnly = false, stage = "established" }: Shape): Uint8Array => {
  const v4 = family === "IPv4";
  const header = ipLength(family);
  const bytes = new Uint8Array(ETHERNET_LENGTH + header + TCP_LENGTH);
  bytes.set(macBytes(OWN));
  writeU16(bytes, 12, v4 ? IPV4_TYPE : IPV6_TYPE);
  const ip = bytes.subarray(ETHERNET_LENGTH);
  if (v4) {
    ip.set([0x45, drawOnly ? 1 : 0, 0, header + TCP_LENGTH]);
    writeU16(ip, 4, bits);
    ip.set([64, TCP], 8);
  } else {
    writeU32(ip, 0, 0x6000_0000 | (drawOnly ? 1 << 20 : 0) | bits);
    writeU16(ip, 4, TCP_LENGTH);
    ip.set([TCP, 64], 6);
  }
  ip.set(addressBytes(VIRTUAL[family]), v4 ? 16 : 24);
  const tcp = ip.subarray(header);
  writeU16(tcp, 2, port);
  tcp.set([0x50, FLAGS[stage]], 12);
  return bytes;
};

/** The client that `draw.h` makes of a flow's number: the last four bytes of its address, and its port. */
export const clientOf = (flow: number): { readonly address: number; readonly port: number } => ({
  address: 0x0a01_0000 + Math.floor(flow / 256),
  port: 1024 + (flow % 256),
});
