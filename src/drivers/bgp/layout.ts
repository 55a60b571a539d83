/** Socket addresses and options as the kernel lays them out (little-endian CPUs). */
import { addressBytes, addressFromBytes, type IpAddress, isIpv4 } from "#base/address";
import { concatBytes } from "#base/bytes";
import * as linux from "./constants.ts";
import type { BgpEnd } from "./port.ts";

/** An `int` in the CPU's order. */
export const int32 = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer);

/** A name as options want it. */
export const nameBytes = (name: string): Uint8Array => new TextEncoder().encode(`${name}\0`);

/** `struct linger` that makes close(2) send a reset. */
export const resetOnClose = (): Uint8Array => new Uint8Array(Int32Array.of(1, 0).buffer);

/** Room for any socket address. */
export const SOCKADDR_LENGTH = 28;

/** `struct sockaddr_in` or `sockaddr_in6`; of a link-local address the socket's device says on which link. */
export const sockaddr = ({ address, port }: BgpEnd): Uint8Array => {
  const head = Uint8Array.of(isIpv4(address) ? linux.AF.IPv4 : linux.AF.IPv6, 0, port >>> 8, port & 0xff);
  return isIpv4(address)
    ? concatBytes(head, addressBytes(address), new Uint8Array(8))
    : concatBytes(head, new Uint8Array(4), addressBytes(address), int32(0));
};

/** What a `struct sockaddr_in` or `sockaddr_in6` of `SOCKADDR_LENGTH` bytes says; the scope is a link's index or 0. */
export const endOf = (bytes: Uint8Array): BgpEnd & { readonly scope: number } => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isV4 = view.getUint16(0, true) === linux.AF.IPv4;
  return {
    address: addressFromBytes(isV4 ? bytes.subarray(4, 8) : bytes.subarray(8, 24)),
    port: view.getUint16(2),
    scope: isV4 ? 0 : view.getUint32(24, true),
  };
};

const SIGNATURE = { storage: 128, lengthAt: 130, keyAt: 136 } as const;

/**
 * `struct tcp_md5sig`:
 *
 * ```
 *    0 struct sockaddr_storage   of the peer
 *  128 flags, prefix length      0
 *  130 length of the key         0 takes the key away
 *  132 index of an interface     0
 *  136 key                       80 octets
 * ```
 */
export const md5Signature = (peer: IpAddress, key: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(SIGNATURE.keyAt + linux.LONGEST_PASSWORD);
  bytes.set(sockaddr({ address: peer, port: 0 }));
  new DataView(bytes.buffer).setUint16(SIGNATURE.lengthAt, key.length, true);
  bytes.set(key.subarray(0, linux.LONGEST_PASSWORD), SIGNATURE.keyAt);
  return bytes;
};

/** Takes a peer's key away. */
export const NO_KEY: Uint8Array = new Uint8Array(0);
