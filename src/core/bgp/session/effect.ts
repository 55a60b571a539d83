/** What the caller must do after a step, in order. */
import type { IpFamily } from "#base/address";
import type { Keepalive, Notification, Open } from "../message/message.ts";
import type { Cause, EndCause } from "./cause.ts";
import type { Negotiated } from "./config.ts";
import type { ConnectionId, Direction } from "./input.ts";
import type { Connection, SessionName, SessionState } from "./state.ts";

export type Effect =
  /** Open a connection to the peer, and say what came of it: `connected` or `connect-failed`. */
  | { readonly type: "connect" }
  /** Give up what the last `connect` asked for, and say nothing more of it. */
  | { readonly type: "abort-connect" }
  | {
      readonly type: "send";
      readonly connection: ConnectionId;
      readonly message: Open | Notification | Keepalive;
    }
  /**
   * Close a connection once what was sent has gone out, after a second at most, and say nothing more of it. What still comes on
   * it is not read.
   */
  | { readonly type: "close"; readonly connection: ConnectionId }
  /** The session is established: routes may be announced on this connection. */
  | { readonly type: "up"; readonly connection: ConnectionId; readonly negotiated: Negotiated }
  /** The session is not established any more. The connection was closed before. */
  | { readonly type: "down"; readonly connection: ConnectionId; readonly cause: EndCause }
  /**
   * The peer wants the routes of a family again (RFC 2918). If `isEnhanced`, the caller says before them that they begin and
   * after them that they are complete (RFC 7313: BoRR, EoRR).
   */
  | {
      readonly type: "refresh";
      readonly connection: ConnectionId;
      readonly family: IpFamily;
      readonly isEnhanced: boolean;
    }
  /** For observation: a connection is over, in which state, and why. Said of every connection once. */
  | {
      readonly type: "ended";
      readonly connection: ConnectionId;
      readonly direction: Direction;
      /** `idle`: it was refused at once. */
      readonly state: Connection["name"] | "idle";
      readonly cause: EndCause;
    }
  /** For observation: the session has another state than before. */
  | {
      readonly type: "transition";
      readonly from: SessionName;
      readonly to: SessionName;
      readonly cause: Cause;
    };

/** A state and what must be done on the way to it. */
export type Step = { readonly state: SessionState; readonly effects: readonly Effect[] };
