/** Numbers the standards assign to VRRP. */
import { type IpAddress, type IpFamily, parseAddress } from "#base/address";
import { assert } from "#base/assert";
import { type Duration, millis } from "#base/time";

/** IP protocol number (RFC 9568 §5.1.1.4, §5.1.2.4). */
export const IP_PROTOCOL = 112;
/** TTL or Hop Limit of every advertisement: proof that no router forwarded it (RFC 9568 §5.1.1.3, §5.1.2.3). */
export const HOP_LIMIT = 255;

/** "I am leaving": backups take over after the skew alone (RFC 9568 §5.2.4). */
export const PRIORITY_LEAVING = 0;
/** Lowest priority a router that wants to be elected may have (RFC 9568 §5.2.4). */
export const PRIORITY_LOWEST = 1;
/** The router whose own interface addresses the virtual addresses are (RFC 9568 §5.2.4). */
export const PRIORITY_OWNER = 255;

/** The unit of the version 3 interval field (RFC 9568 §5.2.7). */
export const CENTISECOND: Duration = millis(10);
const constantAddress = (text: string): IpAddress => {
  const address = parseAddress(text);
  assert(address !== undefined, "not an address", { text });
  return address;
};

const GROUP_BY_FAMILY: Readonly<Record<IpFamily, IpAddress>> = {
  IPv4: constantAddress("224.0.0.18"),
  IPv6: constantAddress("ff02::12"),
};

/** The multicast group of advertisements (RFC 9568 §5.1.1.2, §5.1.2.2). */
export const multicastGroup = (family: IpFamily): IpAddress => GROUP_BY_FAMILY[family];
