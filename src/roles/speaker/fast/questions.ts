/** Who has an address? */
import { type IpAddress, isIpv4 } from "#base/address";
import { BROADCAST_MAC, type MacAddress } from "#base/mac";
import type { Frame } from "#core/announce/frames";
import { encode as encodeArp, probe } from "#core/arp/packet";
import { detect } from "#core/ndp/answer";
import { encodePacket } from "#core/ndp/packet";

/** The question whether anybody has an address, to one machine, or to everybody where `to` is `undefined`. */
export const questionTo = (
  address: IpAddress,
  { own, to }: { readonly own: MacAddress; readonly to: MacAddress | undefined },
): Frame => {
  if (isIpv4(address)) {
    return { destination: to ?? BROADCAST_MAC, payload: encodeArp(probe(address, own)) };
  }
  const { message, context, destination } = detect(address);
  return { destination: to ?? destination, payload: encodePacket(message, context) };
};
