/** What happens to a session. RFC 4271 §8.1 numbers its events; they are named with each input. */
import type { Instant } from "#base/time";
import type { HeardMessage, MessageError } from "../message/message.ts";

/** A TCP connection to or from the peer. The caller chooses it, and uses none twice in the life of a session's state. */
export type ConnectionId = number;

/** Who opened a connection: we, or the peer. */
export type Direction = "outgoing" | "incoming";

/** Why a session is to end on purpose. */
export const STOP_REASONS = [
  /** The operator does not want it: the peer drops our routes at once. */
  "administrative-shutdown",
  /** Its peer is not configured any more: the peer drops our routes at once. */
  "peer-removed",
  /** It is to begin anew. */
  "reset",
  /** It is to begin anew, with another configuration. */
  "configuration-changed",
  /** This program ends and comes back: nothing is said, so that the peer keeps our routes meanwhile (RFC 4724 §4.1). */
  "restart",
] as const;
/** Why a session is to end on purpose. */
export type StopReason = (typeof STOP_REASONS)[number];

/** What happened. */
export type Input =
  /**
   * Begin (events 1, 3 to 7). `isRestarting`: this program has run before on this boot of the machine, a short while ago, and
   * packets to the routes that it had announced have arrived ever since. Nothing happens if it has begun.
   */
  | { readonly type: "start"; readonly isRestarting: boolean }
  /** End, and stay so until `start` (events 2 and 8). The text is for the operator of the peer (RFC 9003). */
  | { readonly type: "stop"; readonly reason: StopReason; readonly communication?: string | undefined }
  /** TCP is there (events 16 and 17): what `connect` asked for, or a connection that the peer opened to us. */
  | { readonly type: "connected"; readonly connection: ConnectionId; readonly direction: Direction }
  /** What `connect` asked for did not come about (event 18). The reason is for people: `connection refused`. */
  | { readonly type: "connect-failed"; readonly reason: string }
  /** A connection is gone (event 18), and not because `close` asked for it; `undefined`: the peer closed it properly. */
  | { readonly type: "closed"; readonly connection: ConnectionId; readonly reason: string | undefined }
  /** A message that could be read (events 19 and 24 to 27). */
  | { readonly type: "message"; readonly connection: ConnectionId; readonly message: HeardMessage }
  /** Bytes that are no message (events 21, 22 and 28). Nothing that follows on this connection can be read. */
  | { readonly type: "malformed"; readonly connection: ConnectionId; readonly error: MessageError }
  /**
   * What BFD says of the path. `down` means that it was up before: a peer that does not speak BFD yet is no reason to end a
   * session (RFC 5882 §4), and neither is one that left BFD on purpose.
   */
  | { readonly type: "bfd"; readonly status: "up" | "down" | "admin-down" }
  /**
   * Since when bytes have been waiting without one of them going out (RFC 9687); `undefined`: nothing waits. Said when it
   * begins, when something went out meanwhile, and when it ends.
   */
  | { readonly type: "blocked"; readonly connection: ConnectionId; readonly since: Instant | undefined }
  /** All that there was before our restart has been said anew, End-of-RIB included: OPENs speak of no restart any more. */
  | { readonly type: "restart-over" }
  /** Time has passed (events 9 to 11, 13 and 29); harmless when nothing is due. */
  | { readonly type: "timer" };

/** When a step happens, and a die for the timers that it sets. */
export type Moment = {
  readonly now: Instant;
  /** A fresh random number in [0, 1). */
  readonly jitter: number;
};
