/** What we ask of the sockets that speak BFD. All calls are synchronous; callbacks come from the event loop. */
import type { IpAddress, IpFamily } from "#base/address";
import type { Datagram } from "#core/bfd/admission";
import type { SessionPath } from "#core/bfd/config";

/** A call that the kernel refused. */
export type BfdError = {
  /** Symbolic errno such as `EPERM`, `EADDRINUSE` or `ENETUNREACH`. */
  readonly code: string;
  /** What was asked, for the message: `listen on UDP port 3784 for IPv4`. */
  readonly operation: string;
};

export type BfdResult<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: BfdError };

export type BfdListener = {
  /**
   * Reads what is queued now, at most about 1000 packets, and delivers it before it returns; gives how many. Call it
   * before a peer is declared dead: its packet may be waiting. Within a callback it does nothing.
   */
  drain(): number;
  /**
   * Whether packets that say that all is well, as those before them did, wait until something is read: they wake nobody then. All others
   * are delivered as they come, after those that came before them. At first none are held back; where the kernel cannot tell them
   * apart, they never are.
   */
  holdBack(isHeld: boolean): void;
  counters(): {
    readonly received: number;
    /** Packets that the kernel dropped: no BFD, forwarded by a router, or more than we could read. */
    readonly dropped: number;
  };
  /** Safe to call twice, and within a callback. */
  close(): void;
};

export type BfdSender = {
  /** 49152..65535, of no other sender of this port. */
  readonly sourcePort: number;
  /** Sends one packet with TTL or Hop Limit 255. */
  send(payload: Uint8Array): BfdResult<undefined>;
  counters(): {
    readonly sent: number;
    /** Packets that could not be sent, by symbolic errno. */
    readonly sendErrors: ReadonlyMap<string, number>;
  };
  /** Safe to call twice. */
  close(): void;
};

/** Sends echo packets of neighbours back (RFC 5880 §6.4). */
export type BfdReflector = {
  counters(): {
    /** Packets that were sent back. */
    readonly reflected: number;
    /** Packets of others than peers, and those that could not be sent back. */
    readonly refused: number;
  };
  /** Safe to call twice. */
  close(): void;
};

export type BfdPort = {
  /** Sends back with 254 hops what came to the port of echo packets with 255. */
  openReflector(request: {
    readonly family: IpFamily;
    /** Whether somebody may have packets sent back that came to an address by a link. */
    readonly isPeer: (arrival: Pick<Datagram, "source" | "destination" | "linkIndex">) => boolean;
    /** Errors while receiving. The reflector goes on. */
    readonly onError: (error: BfdError) => void;
  }): BfdResult<BfdReflector>;
  /**
   * Hears all packets of a family that come to the port of sessions over one hop, or over several: in a VRF, by the name of its
   * device, or outside of all (`undefined`). When that device goes away the listener is deaf: close it and open a new one.
   */
  listen(request: {
    readonly family: IpFamily;
    readonly vrf?: string | undefined;
    readonly path: SessionPath["type"];
    /** The payload is a view of a buffer that is used again, valid only during the callback. */
    readonly onDatagram: (datagram: Datagram) => void;
    /** So many packets, at least one, have been delivered, and no more are read for now. */
    readonly onRead: (count: number) => void;
    /** Errors while receiving. The listener goes on. */
    readonly onError: (error: BfdError) => void;
  }): BfdResult<BfdListener>;
  /** Opens what one session sends through. When its link or address goes away it is dead: close it and open a new one. */
  openSender(request: {
    readonly path: SessionPath;
    readonly vrf?: string | undefined;
    readonly localAddress: IpAddress;
    /** Of the same family. */
    readonly peer: IpAddress;
  }): BfdResult<BfdSender>;
};
