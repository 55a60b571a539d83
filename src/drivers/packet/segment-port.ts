/** What we ask of the sockets that send segments of TCP which the kernel knows nothing of, and hear what answers them. */
import type { IpAddress, IpFamily } from "#base/address";
import type { MacAddress } from "#base/mac";
import type { OnPacketError, PacketLink, PacketResult, PacketSocket } from "./port.ts";

/** From `low` to `high`, both included. */
export type PortRange = { readonly low: number; readonly high: number };

export type SegmentSocket = PacketSocket & {
  /** Sends an IP packet from the link's own MAC address. */
  send(frame: { readonly destination: MacAddress; readonly payload: Uint8Array }): PacketResult<undefined>;
  /**
   * Delivers from now on what one of these addresses answers to the first segment of a handshake, sent from one of the
   * socket's ports: SYN-ACK, resets, and what any box on the way says by ICMP of such a segment. Nothing before the first
   * call, and nothing that this link sent itself. Some of other addresses may come too: the kernel filters by ranges,
   * whose number is bounded.
   */
  listen(addresses: Iterable<IpAddress>): PacketResult<undefined>;
};

/** Ports that this process has for itself. */
export type ReservedPorts = {
  readonly ports: readonly number[];
  /** Safe to call twice. */
  close(): void;
};

export type SegmentPort = {
  /**
   * Takes those of these ports that nobody has, over both families: the kernel says nothing to what comes to them, while
   * segment sockets hear it. Refused when there is none.
   */
  reservePorts(ports: PortRange): PacketResult<ReservedPorts>;
  /** Opens a socket for TCP over one family on a link. */
  openSegments(request: {
    readonly link: PacketLink;
    readonly family: IpFamily;
    /** Ports of this host from which segments are sent. */
    readonly ports: PortRange;
    /** An IP packet, a view of a buffer that is used again, valid only during the callback; and who on the link has sent it. */
    readonly onPacket: (packet: Uint8Array, sender: MacAddress) => void;
    readonly onError: OnPacketError;
  }): PacketResult<SegmentSocket>;
};
