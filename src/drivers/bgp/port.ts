/**
 * What we ask of TCP for BGP. No call blocks, and no callback comes from within a call: they come from the event loop.
 */
import type { IpAddress, IpFamily } from "#base/address";
import type { Duration } from "#base/time";

/** A call that the kernel refused, or a connection that did not come about. */
export type BgpError = {
  /** Symbolic errno such as `ECONNREFUSED`, `ETIMEDOUT`, `EADDRINUSE` or `EPERM`. */
  readonly code: string;
  /** What was asked, for the message: `connect to 192.0.2.1 port 179`. */
  readonly operation: string;
};

export type BgpResult<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: BgpError };

export type BgpEnd = { readonly address: IpAddress; readonly port: number };

/** The link of a link-local address. */
export type BgpLink = { readonly index: number; readonly name: string };

/** How far packets may come. */
export type BgpHops = {
  /** TTL or Hop Limit of ours, 1..255. */
  readonly send: number;
  /** The kernel drops packets of the peer that have less left, 1..255; `undefined`: any will do (RFC 5082). */
  readonly least: number | undefined;
};

/** How a connection went that we did not close ourselves. */
export type BgpClosed =
  /** The peer has said that it sends nothing more. */
  | { readonly type: "ended" }
  /** Reset, or given up by the kernel; a symbolic errno. */
  | { readonly type: "error"; readonly code: string };

/** What a connection tells its owner. */
export type BgpEvents = {
  /** Bytes in order. The chunk is a view of a buffer that is used again, valid only during the callback. */
  readonly onData: (chunk: Uint8Array) => void;
  /** The kernel has taken some of what was waiting; `waiting` says how much is left. */
  readonly onProgress: () => void;
  /** At most once; nothing comes afterwards. Never after `close` or `reset` of ours. */
  readonly onClosed: (how: BgpClosed) => void;
};

export type BgpConnection = {
  readonly local: BgpEnd;
  readonly remote: BgpEnd;
  /** Index of the link of a link-local local address; 0 otherwise. */
  readonly linkIndex: number;
  /** Sends bytes, which must not change afterwards. Gives how many wait, as `waiting` does; does nothing once closed. */
  write(bytes: Uint8Array): number;
  /** Bytes that the kernel has not taken yet. It takes few that cannot leave: `WAITS_IN_KERNEL`. */
  waiting(): number;
  /** Ends it after what was written, and after a short while whatever was. Nothing is heard any more. Safe to call twice. */
  close(): void;
  /** Ends it at once; the peer sees a reset. Safe to call twice, and after `close`. */
  reset(): void;
};

/** A connection that is being made. */
export type BgpAttempt = {
  /** Gives it up: neither callback comes any more. Safe to call at any time. */
  cancel(): void;
};

export type BgpConnectRequest = {
  readonly remote: BgpEnd;
  /** Of a link-local `remote`. */
  readonly link: BgpLink | undefined;
  /** `undefined`: the kernel chooses. */
  readonly source: IpAddress | undefined;
  /** Device of a VRF. */
  readonly vrf: string | undefined;
  /** TCP MD5 (RFC 2385); 1..80 octets. */
  readonly password: string | undefined;
  readonly hops: BgpHops;
  readonly timeout: Duration;
  /** Takes the connection over: what it returns is told from now on. */
  readonly onConnected: (connection: BgpConnection) => BgpEvents;
  readonly onFailed: (error: BgpError) => void;
};

/** Somebody who may connect to us. */
export type BgpCaller = {
  readonly address: IpAddress;
  /** Of a link-local address: others of that address on other links are strangers. */
  readonly link: BgpLink | undefined;
  readonly password: string | undefined;
  readonly hops: BgpHops;
};

export type BgpListener = {
  /**
   * Admits exactly these from now on; connections that there are stay. Of two with one address the first counts. Gives
   * what the kernel refused, such as a password: who it belongs to is not admitted.
   */
  setCallers(callers: readonly BgpCaller[]): readonly BgpError[];
  counters(): {
    readonly accepted: number;
    /** Connections of others than callers, those that nobody wanted, and those of a caller that has too many. */
    readonly refused: number;
  };
  /** Connections that there are stay. Safe to call twice. */
  close(): void;
};

export type BgpListenRequest = {
  readonly family: IpFamily;
  readonly port: number;
  /** Device of a VRF. */
  readonly vrf: string | undefined;
  /** Of a caller. `undefined` does not want it: it is reset. */
  readonly onConnection: (connection: BgpConnection) => BgpEvents | undefined;
  /** Errors while accepting, such as `EMFILE`. The listener goes on. */
  readonly onError: (error: BgpError) => void;
};

export type BgpPort = {
  connect(request: BgpConnectRequest): BgpAttempt;
  /** Listens on all addresses of a family; admits nobody before `setCallers`. */
  listen(request: BgpListenRequest): BgpResult<BgpListener>;
};
