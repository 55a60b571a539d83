/** The packets that announce one address. */
import { type IpAddress, isIpv4 } from "#base/address";
import { assert } from "#base/assert";
import { BROADCAST_MAC, type MacAddress } from "#base/mac";
import { encode as encodeArp, gratuitous } from "#core/arp/packet";
import { ALL_NODES, groupMac } from "#core/ndp/group";
import { encodePacket, unsolicited } from "#core/ndp/packet";

/** What follows the Ethernet header, and where it goes: ARP for IPv4, an IPv6 packet for IPv6. */
export type Frame = { readonly destination: MacAddress; readonly payload: Uint8Array };

/** Which of the packets: the two forms of gratuitous ARP, and the one of Neighbour Discovery. */
export type AnnouncementForm = "request" | "reply" | "advertisement";

/** What an announcement says. `router` is whether this host forwards IPv6. */
export type Announced = { readonly address: IpAddress; readonly mac: MacAddress; readonly router: boolean };

const ALL_NODES_MAC = groupMac(ALL_NODES);
const IPV4_FORMS = ["request", "reply"] as const;
const IPV6_FORMS = ["advertisement"] as const;

/**
 * The forms in which an address is announced. IPv4 gets both of gratuitous ARP, since some neighbours learn from
 * requests only and some from replies only.
 */
export const formsFor = (address: IpAddress): readonly AnnouncementForm[] =>
  isIpv4(address) ? IPV4_FORMS : IPV6_FORMS;

/** The frame that says in one form that `mac` has `address`; the form must be one of the address's family. */
export const frameFor = (form: AnnouncementForm, announced: Announced): Frame => {
  const { address, mac } = announced;
  if (form === "advertisement") {
    const { message, context } = unsolicited(announced);
    return { destination: ALL_NODES_MAC, payload: encodePacket(message, context) };
  }
  assert(isIpv4(address), "ARP is for IPv4", { address });
  return { destination: BROADCAST_MAC, payload: encodeArp(gratuitous(form, { mac, address })) };
};

/** The frames that say, in every form, that `mac` has `address`. */
export const framesFor = (announced: Announced): readonly Frame[] =>
  formsFor(announced.address).map((form) => frameFor(form, announced));
