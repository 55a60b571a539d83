/** Why a session changes its state, and why a connection ends: closed unions. `words.ts` has a sentence for each. */
import type { Notification } from "../message/message.ts";
import type { Direction, StopReason } from "./input.ts";

/** What is wrong with a peer's OPEN (RFC 4271 §6.2). */
export const OPEN_REFUSALS = [
  "unsupported-version",
  "bad-peer-asn",
  "bad-router-id",
  "unacceptable-hold-time",
  /** No family of routes that both would speak. */
  "no-common-family",
] as const;
/** What is wrong with a peer's OPEN (RFC 4271 §6.2). */
export type OpenRefusal = (typeof OPEN_REFUSALS)[number];

/** Why a connection ended. `notification` is what we sent, or what the peer sent where the type says so. */
export type EndCause =
  | {
      readonly type: "stop";
      readonly reason: StopReason;
      /** `undefined`: none was sent, so that the peer keeps our routes. */
      readonly notification: Notification | undefined;
    }
  /** The peer, or whatever is between, ended the connection; `undefined`: properly. */
  | { readonly type: "connection-closed"; readonly reason: string | undefined }
  | { readonly type: "notification-received"; readonly notification: Notification }
  | { readonly type: "hold-timer-expired"; readonly notification: Notification }
  /** The peer read nothing of what waited for it (RFC 9687). */
  | { readonly type: "send-hold-timer-expired"; readonly notification: Notification }
  /** Bytes that are no message. */
  | { readonly type: "malformed-message"; readonly notification: Notification }
  /** A message that the state does not allow (RFC 6608). */
  | { readonly type: "unexpected-message"; readonly notification: Notification }
  | { readonly type: "open-refused"; readonly refusal: OpenRefusal; readonly notification: Notification }
  | { readonly type: "bfd-down"; readonly notification: Notification }
  /** The other connection is kept (RFC 4271 §6.8). */
  | { readonly type: "collision"; readonly notification: Notification }
  /**
   * The peer has opened another connection, and so has given this one up. `undefined`: the session was established, and the
   * peer has restarted; nothing is said, so that it keeps our routes (RFC 4724 §4.2).
   */
  | { readonly type: "replaced"; readonly notification: Notification | undefined }
  /** It came while the session was idle. */
  | { readonly type: "not-wanted"; readonly notification: Notification | undefined };

/** Why a session changed its state. */
export type Cause =
  | { readonly type: "start" }
  /** The rest after a failure is over. */
  | { readonly type: "rest-over" }
  /** Time for another attempt to connect. */
  | { readonly type: "connect-retry" }
  /** BFD says that the path works: no need to wait any longer. */
  | { readonly type: "bfd-up" }
  | { readonly type: "connect-failed"; readonly reason: string }
  | { readonly type: "connected"; readonly direction: Direction }
  /** The peer's OPEN was accepted. */
  | { readonly type: "open-received" }
  | { readonly type: "keepalive-received" }
  | EndCause;

/** The types of causes. Each is also the `cause` label of the transition counter. */
export const CAUSE_TYPES = [
  "start",
  "rest-over",
  "connect-retry",
  "bfd-up",
  "connect-failed",
  "connected",
  "open-received",
  "keepalive-received",
  "stop",
  "connection-closed",
  "notification-received",
  "hold-timer-expired",
  "send-hold-timer-expired",
  "malformed-message",
  "unexpected-message",
  "open-refused",
  "bfd-down",
  "collision",
  "replaced",
  "not-wanted",
] as const satisfies readonly Cause["type"][];
