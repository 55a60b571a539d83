/** The multicast addresses that Neighbour Discovery speaks to. */
import { addressBytes, addressFromBytes, type IpAddress, parseAddress } from "#base/address";
import { assert } from "#base/assert";
import { concatBytes } from "#base/bytes";
import { type MacAddress, macFromBytes } from "#base/mac";

const constantAddress = (text: string): IpAddress => {
  const address = parseAddress(text);
  assert(address !== undefined, "not an address", { text });
  return address;
};

/** ff02::1, every node on the link (RFC 4291 §2.7.1). */
export const ALL_NODES: IpAddress = constantAddress("ff02::1");
/** `::`, the source of a node that has no address yet (RFC 4291 §2.5.2). */
export const UNSPECIFIED: IpAddress = constantAddress("::");

const SOLICITED_NODE_PREFIX = addressBytes(constantAddress("ff02::1:ff00:0")).subarray(0, 13);

/** The group that a node joins for an address of its own: ff02::1:ffXX:XXXX (RFC 4291 §2.7.1). */
export const solicitedNodeGroup = (address: IpAddress): IpAddress =>
  addressFromBytes(concatBytes(SOLICITED_NODE_PREFIX, addressBytes(address).subarray(13)));

/** The Ethernet group of an IPv6 group: 33:33 and its last four bytes (RFC 2464 §7). */
export const groupMac = (group: IpAddress): MacAddress =>
  macFromBytes(concatBytes(Uint8Array.of(0x33, 0x33), addressBytes(group).subarray(12)));
