/** What is known of the peer, and what of what it says is taken. */
import { addressBits } from "#base/prefix";
import { type Duration, type Instant, micros } from "#base/time";
import { type ClientKey, clientBytes, clientKey, type Pin } from "#core/balance/pin";
import type { ServerPlan } from "#core/balance/plan-model";
import type { Heard, PinDatagram } from "./packet.ts";

/** Whether clients stay on their backend across a takeover. */
export type PinSyncState =
  | "in-sync"
  /** The peer has not been heard for a while. */
  | "peer-silent"
  /** The peer speaks another version of this. */
  | "other-version"
  /** What the peer says is sealed with another secret than ours, or one of the two has none. */
  | "other-secret"
  /** The kernel does not take the peer's pins. */
  | "refused"
  /** The link cannot be used. */
  | "unavailable";

export type Peer = Heard & {
  /** The number of the next datagram with pins. */
  readonly next: number;
  readonly at: Instant;
};

/** As many missed datagrams are counted as fit the wire. */
const MOST_MISSED = 0xffff_ffff;

/**
 * The peer after another datagram. Of a session that is new to us all that came before was missed. `isNews` is false
 * for one that was overtaken or sent twice.
 */
export const hearPeer = (
  before: Peer | undefined,
  { type, session, sequence }: Pick<PinDatagram, "type" | "session" | "sequence">,
  now: Instant,
): { readonly peer: Peer; readonly isNews: boolean } => {
  const known = before?.session === session ? before : { session, missed: 0, next: 0 };
  if (sequence < known.next) return { peer: { ...known, at: now }, isNews: type === "hello" };
  const missed = Math.min(known.missed + sequence - known.next, MOST_MISSED);
  const next = type === "pins" ? sequence + 1 : sequence;
  return { peer: { session, missed, next, at: now }, isNews: true };
};

/** The peer after a datagram that came and could not be used. */
export const missOne = (peer: Peer): Peer => ({ ...peer, missed: Math.min(peer.missed + 1, MOST_MISSED) });

/** The client's bytes without those bits that do not tell clients apart. */
const firstOfNetwork = (client: ClientKey, prefixLength: number): ClientKey =>
  clientKey(
    clientBytes(client).map((byte, index) => {
      const kept = Math.min(Math.max(prefixLength - index * 8, 0), 8);
      return byte & (0xff00 >> kept) & 0xff;
    }),
  );

/**
 * The pins that may be put into the kernel: of clients of this server's family and networks, to backends that it has,
 * for no longer than its timeout. Whether the backend can take flows now, the kernel's rules ask for each connection.
 */
export const acceptablePins = (server: ServerPlan, pins: readonly Pin[]): readonly Pin[] => {
  const { persistence, backends, address } = server;
  if (persistence === undefined) return [];
  const ids = new Set(backends.filter(({ role }) => role === undefined).map(({ id }) => id));
  const bits = addressBits(address);
  const { prefixLength, timeout } = persistence;
  return pins
    .filter(({ client, backend, remaining }) => {
      if (client.length * 8 !== bits || !ids.has(backend) || remaining <= 0) return false;
      return prefixLength >= bits || firstOfNetwork(client, prefixLength) === client;
    })
    .map((pin) => ({ ...pin, remaining: micros(Math.min(pin.remaining, timeout)) }));
};

/** Shorter differences of a pin's time, one part in so many of the timeout, are not worth a write. */
const SLACK = 16;

/** Whether the kernel has to be given a pin where it has `existing` for the client. */
export const isWorthWriting = (pin: Pin, existing: Pin | undefined, timeout: Duration): boolean =>
  existing === undefined ||
  existing.backend !== pin.backend ||
  pin.remaining - existing.remaining > timeout / SLACK;
