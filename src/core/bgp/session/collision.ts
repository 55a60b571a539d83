/** Which of two connections is kept when both sides opened one at once (RFC 4271 §6.8). */
import { compareAddresses, type Ipv4Address } from "#base/address";
import type { Direction } from "./input.ts";

/** Who a speaker is, as far as collisions go. */
export type Speaker = { readonly routerId: Ipv4Address; readonly asn: number };

/**
 * The direction of the connection that both sides keep: the one that the greater speaker opened. Greater is who has the greater
 * BGP Identifier, read as a number, and of equal ones the greater AS number (RFC 6286 §2.3); both cannot be equal.
 */
export const keptDirection = ({
  ours,
  peers,
}: {
  readonly ours: Speaker;
  readonly peers: Speaker;
}): Direction => {
  const difference = compareAddresses(ours.routerId, peers.routerId) || ours.asn - peers.asn;
  return difference > 0 ? "outgoing" : "incoming";
};
