/** What the state of a BFD session (`#core/bfd/state`) says of the peer, for `liveness.ts`. */
import type { SessionReport } from "./standing.ts";

/** The part of a session's state that counts. */
export type Session = {
  /** bfd.SessionState. */
  readonly name: "admin-down" | "down" | "init" | "up";
  /** What the peer said last; `undefined` unless it was heard within the last detection time. */
  readonly remote:
    | { readonly state: "admin-down" | "down" | "init" | "up"; readonly diagnostic: string }
    | undefined;
};

/** What a peer says that lives and has missed us, or was told that we have missed it (RFC 5880 §4.1). */
const MISSED_US: readonly string[] = ["detection-time-expired", "neighbour-signalled-down"];

/**
 * The report on the peer of a session; `undefined` when it is still what it was before, as all the time while we are leaving
 * and the peer's packets do not count (RFC 5880 §6.8.6).
 *
 * A speaker that is cut off takes its sessions down with the diagnostic `path-down`, one that starts says `none`: both hold
 * nothing. One whose session is down for want of our packets may well hold what it held.
 */
export const reportOf = (
  { name, remote }: Session,
  {
    wasUp,
  }: {
    /** Whether the session has ever been up. */
    readonly wasUp: boolean;
  },
): SessionReport | undefined => {
  if (name === "admin-down") return undefined;
  if (name === "up") return { state: "up" };
  if (remote?.state === "admin-down") return { state: "leaving" };
  if (!wasUp) return { state: "unknown" };
  if (remote === undefined) return { state: "down", cause: "detected" };
  // A packet that was overtaken on its way: what the peer says now has been heard already.
  if (remote.state === "up") return undefined;
  return { state: "down", cause: MISSED_US.includes(remote.diagnostic) ? "signalled" : "vacated" };
};
