/** Which tracked flows belong to a virtual server, and to which backend of it. */
import { addressBytes, type IpAddress } from "#base/address";
import type { Protocol } from "#core/balance/model";

/** The flows that clients opened to one virtual server. */
export type FlowSelector = {
  /** The virtual address, which clients spoke to. */
  readonly address: IpAddress;
  readonly protocol: Protocol;
  /** The ports that clients spoke to, 0..65535 inclusive. */
  readonly firstPort: number;
  readonly lastPort: number;
};

/** Who answers a flow; `port` undefined: on whatever port the client asked for. */
export type FlowTarget = { readonly address: IpAddress; readonly port: number | undefined };

/** The number of a protocol in an IP header. */
export const PROTOCOL_NUMBERS: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17 };

/** What identifies an address in a `Map`: no text is made for the hundreds of thousands of entries of a large table. */
export type AddressKey = number | string;

/** The key of an address in network order (4 or 16 bytes). */
export const addressKey = (bytes: Uint8Array): AddressKey => {
  if (bytes.length === 4) {
    const [a = 0, b = 0, c = 0, d = 0] = bytes;
    return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  }
  return String.fromCharCode(...bytes);
};

/** The key of an address as text. */
export const keyOfAddress = (address: IpAddress): AddressKey => addressKey(addressBytes(address));

/** Finds the target that a flow's reply direction comes from: its index in the list, or `undefined`. */
export const createTargetFinder = (
  targets: readonly FlowTarget[],
): ((source: Uint8Array, port: number, requestedPort: number) => number | undefined) => {
  const indexesByAddress = new Map<AddressKey, number[]>();
  for (const [index, { address }] of targets.entries()) {
    const key = keyOfAddress(address);
    const known = indexesByAddress.get(key);
    if (known === undefined) indexesByAddress.set(key, [index]);
    else known.push(index);
  }
  return (source, port, requestedPort) =>
    indexesByAddress
      .get(addressKey(source))
      ?.find((index) => port === (targets[index]?.port ?? requestedPort));
};
