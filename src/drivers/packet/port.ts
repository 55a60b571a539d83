/** What we ask of the packet sockets of one link. All calls are synchronous; callbacks come from the event loop. */
import type { IpAddress, IpFamily } from "#base/address";
import type { MacAddress } from "#base/mac";

/** A call that the kernel refused. */
export type PacketError = {
  /** Symbolic errno such as `EPERM`, `ENODEV` or `ENETDOWN`. */
  readonly code: string;
  /** What was asked, for the message: `join 224.0.0.18 on eth0`. */
  readonly operation: string;
};

export type PacketResult<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: PacketError };

/** The link that a socket is bound to. When the link goes away its sockets are dead: close them and open new ones. */
export type PacketLink = { readonly index: number; readonly name: string };

export type PacketCounters = {
  readonly received: number;
  readonly sent: number;
  /** Packets that the kernel dropped because we did not read fast enough. */
  readonly dropped: number;
  /** Packets that could not be sent, by symbolic errno. */
  readonly sendErrors: ReadonlyMap<string, number>;
};

/** What every socket can. */
export type PacketSocket = {
  /**
   * Reads what is queued now, at most about 1000 packets, and delivers it before it returns; gives how many. Call
   * it before a peer is declared dead: its packet may be waiting. Within a callback it does nothing.
   */
  drain(): number;
  counters(): PacketCounters;
  /** Safe to call twice, and within a callback. */
  close(): void;
};

/** One VRRP message and what its IP header said. */
export type VrrpPacket = {
  /** The IP payload: a view of a buffer that is used again, valid only during the callback. */
  readonly payload: Uint8Array;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** TTL or Hop Limit, 0..255. */
  readonly hopLimit: number;
};

/** What sends VRRP. */
export type VrrpSender = {
  /** Sends with TTL or Hop Limit 255 from `source`, an address of this host, to the group or one peer. */
  send(packet: {
    readonly payload: Uint8Array;
    readonly source: IpAddress;
    readonly destination: IpAddress;
  }): PacketResult<undefined>;
  /** Safe to call twice. */
  close(): void;
};

export type VrrpSocket = PacketSocket & VrrpSender;

/** Something that claims an address. `payload` is valid only during the callback. */
export type NeighbourMessage =
  /** An ARP packet without Ethernet header. */
  | { readonly type: "arp"; readonly payload: Uint8Array }
  /** An ICMPv6 Neighbor Advertisement. */
  | {
      readonly type: "ndp";
      readonly payload: Uint8Array;
      readonly source: IpAddress;
      readonly destination: IpAddress;
      readonly hopLimit: number;
    };

export type NeighbourSocket = PacketSocket & {
  /** Sends an ARP packet (IPv4), or an IPv6 packet with its header (IPv6), from the link's own MAC address. */
  send(frame: { readonly destination: MacAddress; readonly payload: Uint8Array }): PacketResult<undefined>;
  /**
   * Delivers from now on what claims one of these addresses (ARP sender, or target of an advertisement), no matter
   * who; nothing else, and nothing at all before the first call. At most 255 addresses of the socket's family.
   */
  watch(addresses: readonly IpAddress[]): PacketResult<undefined>;
};

/** Errors while receiving, such as `ENETDOWN`. The socket goes on; if the link is gone for good, close it. */
export type OnPacketError = (error: PacketError) => void;

export type PacketPort = {
  /** Opens a VRRP socket that is in the family's multicast group and does not hear itself. */
  openVrrp(request: {
    readonly link: PacketLink;
    readonly family: IpFamily;
    readonly onPacket: (packet: VrrpPacket) => void;
    readonly onError: OnPacketError;
  }): PacketResult<VrrpSocket>;
  /**
   * Opens a socket that sends VRRP through a link from an address that another link has, and hears nothing: for a link
   * with a virtual MAC address, which is then the sender's.
   */
  openVrrpSender(request: { readonly link: PacketLink; readonly family: IpFamily }): PacketResult<VrrpSender>;
  /** Opens a socket for ARP (IPv4) or Neighbour Discovery (IPv6). */
  openNeighbour(request: {
    readonly link: PacketLink;
    readonly family: IpFamily;
    readonly onMessage: (message: NeighbourMessage) => void;
    readonly onError: OnPacketError;
  }): PacketResult<NeighbourSocket>;
};
