/**
 * Router Advertisement (RFC 4861 §4.2), as far as a BGP speaker without addresses needs it: to find the router at the other end
 * of a link, and to be found. What it says of prefixes and default routes is the kernel's business.
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +---------------+---------------+-------------------------------+
 * |   Type 134    |   Code = 0    |           Checksum            |
 * +---------------+-+-+-----------+-------------------------------+
 * | Cur Hop Limit |M|O| Reserved  |        Router Lifetime        |
 * +---------------+-+-+-----------+-------------------------------+
 * |                        Reachable Time                         |
 * +---------------------------------------------------------------+
 * |                        Retrans Timer                          |
 * +---------------+---------------+-------------------------------+
 * | Option type 1 | Length, in 8s |  Link-layer address, 6 bytes  |
 * +---------------+---------------+-------------------------------+
 * ```
 */
import { type IpAddress, isIpv4, isLinkLocal } from "#base/address";
import { concatBytes, writeU8 } from "#base/bytes";
import { type Decoded, decoded, refused } from "#base/decoded";
import { type MacAddress, macBytes } from "#base/mac";
import { OPTION } from "./constants.ts";

/** ICMPv6 type. */
export const ROUTER_ADVERTISEMENT = 134;

const HEADER_LENGTH = 16;
const MAC_OPTION_LENGTH = 8;

/** Why one was dropped (RFC 4861 §6.1.2). */
export type AdvertisementReason = "truncated" | "type" | "code" | "source" | "option-length";

/** Who sent it: a router on this link. */
export type RouterAdvertisement = { readonly router: IpAddress };

/** Reads one that came with 255 hops and whose checksum the kernel found right. */
export const decodeRouterAdvertisement = (
  bytes: Uint8Array,
  source: IpAddress,
): Decoded<RouterAdvertisement, AdvertisementReason> => {
  if (bytes.length < HEADER_LENGTH) return refused("truncated");
  if (bytes[0] !== ROUTER_ADVERTISEMENT) return refused("type");
  if (bytes[1] !== 0) return refused("code");
  if (isIpv4(source) || !isLinkLocal(source)) return refused("source");
  for (let offset = HEADER_LENGTH; offset < bytes.length; ) {
    const length = (bytes[offset + 1] ?? 0) * 8;
    if (length === 0 || offset + length > bytes.length) return refused("option-length");
    offset += length;
  }
  return decoded({ router: source });
};

/**
 * Writes one of a machine that is no default router (lifetime 0) and says nothing of the network (RFC 4861 §6.2.3). The
 * checksum is left to the kernel.
 */
export const encodeRouterAdvertisement = (mac: MacAddress | undefined): Uint8Array => {
  const header = new Uint8Array(HEADER_LENGTH);
  writeU8(header, 0, ROUTER_ADVERTISEMENT);
  if (mac === undefined) return header;
  const option = Uint8Array.of(OPTION.sourceLinkLayerAddress, MAC_OPTION_LENGTH / 8);
  return concatBytes(header, option, macBytes(mac));
};
