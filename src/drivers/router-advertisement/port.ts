/** What we ask of the socket for Router Advertisements of one link. Callbacks come from the event loop. */
import type { IpAddress } from "#base/address";

/** A call that the kernel refused. */
export type AdvertisementError = {
  /** Symbolic errno such as `EPERM` or `ENODEV`. */
  readonly code: string;
  /** What was asked, for the message: `hear routers on eth0`. */
  readonly operation: string;
};

export type AdvertisementResult<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: AdvertisementError };

export type AdvertisementSocket = {
  /** Sends an ICMPv6 message, whose checksum the kernel fills in, to all nodes of the link with 255 hops. */
  send(payload: Uint8Array): AdvertisementResult<undefined>;
  /** Safe to call twice, and within a callback. */
  close(): void;
};

export type AdvertisementPort = {
  /** Hears the Router Advertisements of a link that came with 255 hops. When the link goes away the socket is dead. */
  open(request: {
    readonly link: { readonly index: number; readonly name: string };
    /** The payload is valid only during the callback. */
    readonly onAdvertisement: (payload: Uint8Array, source: IpAddress) => void;
    /** Errors while receiving. The socket goes on. */
    readonly onError: (error: AdvertisementError) => void;
  }): AdvertisementResult<AdvertisementSocket>;
};
