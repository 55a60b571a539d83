/** From a packet below IP's filters to the advertisement in it. */
import { addressFromBytes, type IpFamily } from "#base/address";
import { readU8, readU16 } from "#base/bytes";
import type { MacAddress } from "#base/mac";
import { decode, type IpContext } from "#core/vrrp/packet";
import type { Heard } from "./facts.ts";

type Unwrapped = {
  readonly payload: Uint8Array;
  readonly context: IpContext & { readonly hopLimit: number };
};

const unwrapIpv4 = (packet: Uint8Array): Unwrapped | undefined => {
  if (packet.length < 20) return undefined;
  const header = (readU8(packet, 0) & 0x0f) * 4;
  // What follows the length is Ethernet's padding.
  const end = readU16(packet, 2);
  if (header < 20 || end < header || packet.length < end) return undefined;
  const context = {
    ...({ family: "IPv4", hopLimit: readU8(packet, 8) } as const),
    source: addressFromBytes(packet.subarray(12, 16)),
    destination: addressFromBytes(packet.subarray(16, 20)),
  };
  return { payload: packet.subarray(header, end), context };
};

const unwrapIpv6 = (packet: Uint8Array): Unwrapped | undefined => {
  if (packet.length < 40) return undefined;
  const end = 40 + readU16(packet, 4);
  if (packet.length < end) return undefined;
  const context = {
    ...({ family: "IPv6", hopLimit: readU8(packet, 7) } as const),
    source: addressFromBytes(packet.subarray(8, 24)),
    destination: addressFromBytes(packet.subarray(24, 40)),
  };
  return { payload: packet.subarray(40, end), context };
};

/** What an IP packet of VRRP says; `undefined` if that is nothing that a router would listen to. */
export const heardIn = (
  packet: Uint8Array,
  family: IpFamily,
  mac: MacAddress,
): Omit<Heard, "delivered"> | undefined => {
  const unwrapped = family === "IPv4" ? unwrapIpv4(packet) : unwrapIpv6(packet);
  if (unwrapped === undefined) return undefined;
  const message = decode(unwrapped.payload, unwrapped.context);
  if (!message.ok) return undefined;
  const { vrid, version, priority, addresses } = message.value.advertisement;
  return { family, vrid, version, priority, source: unwrapped.context.source, mac, addresses };
};
