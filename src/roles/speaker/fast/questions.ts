/** Who has an address? */
import { type IpAddress, isIpv4 } from "#base/address";
import { BROADCAST_MAC, type MacAddress } from "#base/mac";
import type { Frame } from "#core/announce/frames";
import { encode as encodeArp, probe } from "#core/arp/packet";
import { detect, solicit } from "#core/ndp/answer";
import { encodePacket } from "#core/ndp/packet";

/** Where a question comes from, and whom it goes to. */
export type Asking = {
  readonly own: MacAddress;
  /** A link-local IPv6 address of the link; `undefined` while it has none that may be used. */
  readonly linkLocal: IpAddress | undefined;
  /** One machine; `undefined`: everybody. */
  readonly to: MacAddress | undefined;
};

/**
 * The question whether anybody has an address. None asks from an address that others must not believe to be here: by ARP from 0.0.0.0; by
 * Neighbour Discovery from the link's own link-local address, since speakers such as MetalLB's do not answer who asks from `::`.
 */
export const questionTo = (address: IpAddress, { own, linkLocal, to }: Asking): Frame => {
  if (isIpv4(address)) {
    return { destination: to ?? BROADCAST_MAC, payload: encodeArp(probe(address, own)) };
  }
  const { message, context, destination } =
    linkLocal === undefined ? detect(address) : solicit(address, { source: linkLocal, mac: own });
  return { destination: to ?? destination, payload: encodePacket(message, context) };
};
