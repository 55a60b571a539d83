/** What we ask of the socket that hears VRRP as it arrives at a link, before any firewall of this machine. */
import type { IpFamily } from "#base/address";
import type { MacAddress } from "#base/mac";
import type { OnPacketError, PacketLink, PacketResult, PacketSocket } from "./port.ts";

export type VrrpTapPort = {
  /** Opens it. It joins no group: a VRRP socket beside it does. */
  openVrrpTap(request: {
    readonly link: PacketLink;
    readonly family: IpFamily;
    /** An IP packet, and who sent it: a view of a buffer that is used again, valid only during the callback. */
    readonly onPacket: (packet: Uint8Array, sender: MacAddress) => void;
    readonly onError: OnPacketError;
  }): PacketResult<PacketSocket>;
};
