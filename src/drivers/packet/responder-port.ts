/** What we ask of the sockets that answer for addresses which the kernel does not hold. */
import type { IpAddress, IpFamily } from "#base/address";
import type { MacAddress } from "#base/mac";
import type { HeardFrame } from "#core/responder/reading";
import type { OnPacketError, PacketError, PacketLink, PacketResult, PacketSocket } from "./port.ts";

export type { HeardFrame };

/** How much of what was asked for is heard. */
export type Listening = {
  /** Solicited-node groups that were joined, so that switches which watch memberships (MLD snooping) forward them. */
  readonly joined: number;
  /** Groups that were not, and why; the link takes every multicast frame then, but such a switch may send none. */
  readonly unjoined: number;
  readonly because?: "too-many" | PacketError;
};

export type ResponderSocket = PacketSocket & {
  /** Sends an ARP packet (IPv4), or an IPv6 packet with its header (IPv6), from the link's own MAC address. */
  send(frame: { readonly destination: MacAddress; readonly payload: Uint8Array }): PacketResult<undefined>;
  /**
   * Delivers from now on what asks for one of these addresses, or comes from one: ARP, or Neighbor Solicitations and
   * Advertisements, multicast or to this link's own MAC address. Nothing before the first call, nothing that this link
   * sent itself. Some about other addresses may come too: the kernel filters by ranges, whose number is bounded.
   */
  listen(addresses: Iterable<IpAddress>): PacketResult<Listening>;
  /** Delivers from now on what is about these as well. Costs as much as they are, and not as much as all that are listened for. */
  listenToo(addresses: Iterable<IpAddress>): PacketResult<Listening>;
};

export type ResponderPort = {
  /** Opens a socket for ARP (IPv4) or Neighbour Discovery (IPv6) on a link. */
  openResponder(request: {
    readonly link: PacketLink;
    readonly family: IpFamily;
    /** `unheard`: only who claims an address is heard, and no solicited-node groups are joined. */
    readonly questions?: "heard" | "unheard";
    /** Its bytes are views of a buffer that is used again, valid only during the callback. */
    readonly onFrame: (frame: HeardFrame) => void;
    readonly onError: OnPacketError;
  }): PacketResult<ResponderSocket>;
};
