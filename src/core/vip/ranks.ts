/**
 * VRRP priorities of hosts that were given none: distinct, and the same whoever works them out.
 *
 * They lie far apart because a backup's patience depends on its priority (Skew_Time, RFC 9568 §6.1): with neighbouring
 * priorities two backups lose it within a millisecond of each other, both take the address, and one gives it back.
 */
import { addressBytes, compareAddresses, type IpAddress } from "#base/address";

/** What the first host of the order gets. */
const HIGHEST = 250;
/** Between two hosts: 20 ms of patience at an interval of 200 ms. */
const WIDEST_STEP = 25;

/** The priority of a host that does not know yet which one it is; no other has it. */
export const UNKNOWN_PRIORITY = 1;

/** The priority of `own` among all hosts, in the order of their addresses: 250, 225, 200 and so on. */
export const rankedPriority = (own: IpAddress, peers: readonly IpAddress[]): number => {
  const hosts = [...new Set([own, ...peers])].sort(compareAddresses);
  const step = Math.min(WIDEST_STEP, Math.floor((HIGHEST - UNKNOWN_PRIORITY) / hosts.length));
  return HIGHEST - hosts.indexOf(own) * step;
};

/** Has no factor in common with 254, so that 254 addresses in a row have priorities of their own. */
const STRIDE = 97;

/**
 * The priority of a host that knows no other, from the end of its address: distinct among 254 addresses in a row, such as a /24.
 * Two that meet with the same are told apart by their addresses (RFC 9568 §6.4.3).
 */
export const lonePriority = (own: IpAddress): number => {
  const bytes = addressBytes(own);
  const end = new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 4);
  return 1 + (((end % 254) * STRIDE) % 254);
};
