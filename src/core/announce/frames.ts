/** The packets that announce one address. */
import { type IpAddress, isIpv4 } from "#base/address";
import { BROADCAST_MAC, type MacAddress } from "#base/mac";
import { encode as encodeArp, gratuitous } from "#core/arp/packet";
import { ALL_NODES, groupMac } from "#core/ndp/group";
import { encodePacket, unsolicited } from "#core/ndp/packet";

/** What follows the Ethernet header, and where it goes: ARP for IPv4, an IPv6 packet for IPv6. */
export type Frame = { readonly destination: MacAddress; readonly payload: Uint8Array };

const ALL_NODES_MAC = groupMac(ALL_NODES);

/**
 * The frames that say that `mac` has `address`. IPv4 gets both forms of gratuitous ARP, since some neighbours learn
 * from requests only and some from replies only. `router` is whether this host forwards IPv6.
 */
export const framesFor = (announced: {
  readonly address: IpAddress;
  readonly mac: MacAddress;
  readonly router: boolean;
}): readonly Frame[] => {
  const { address, mac } = announced;
  if (isIpv4(address)) {
    return (["request", "reply"] as const).map((operation) => ({
      destination: BROADCAST_MAC,
      payload: encodeArp(gratuitous(operation, { mac, address })),
    }));
  }
  const { message, context } = unsolicited(announced);
  return [{ destination: ALL_NODES_MAC, payload: encodePacket(message, context) }];
};
