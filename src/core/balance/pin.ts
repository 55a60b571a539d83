/** A client that is kept on a backend, as the kernel remembers it. */
import type { Duration } from "#base/time";
import type { BackendId } from "./plan-model.ts";

/** The first address of the client's network: its 4 or 16 bytes, one a character. */
export type ClientKey = string;

export type Pin = {
  readonly client: ClientKey;
  readonly backend: BackendId;
  /** Until it is forgotten, unless the client comes again. */
  readonly remaining: Duration;
};

export const clientKey = (bytes: Uint8Array): ClientKey => String.fromCharCode(...bytes);

export const clientBytes = (client: ClientKey): Uint8Array =>
  Uint8Array.from({ length: client.length }, (_, index) => client.charCodeAt(index));
