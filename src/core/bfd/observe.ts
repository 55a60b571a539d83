/** Says in words what a step changed and why: the one tap for events, logs and metrics. */
import type { Diagnostic, SessionStateName } from "./constants.ts";
import type { SessionState } from "./state.ts";

/** Why a session changed its state. Each is also the `cause` label of the transition counter. */
export const TRANSITION_CAUSES = [
  /** The peer is there, and does not know yet that we are. */
  "neighbour-heard",
  /** The peer hears us, and we hear it. */
  "both-heard",
  "detection-time-expired",
  /** The peer says that the session is down: it did not hear us, or started anew. */
  "neighbour-signalled-down",
  /** The peer leaves on purpose. */
  "neighbour-leaving",
  "leave",
  "return",
  "forwarding-plane-reset",
  "path-down",
] as const;
/** Why a session changed its state. */
export type TransitionCause = (typeof TRANSITION_CAUSES)[number];

/** One change of state. */
export type Transition = {
  readonly from: SessionStateName;
  readonly to: SessionStateName;
  readonly cause: TransitionCause;
  /** What the peer said last of its own state; `undefined` if it was not heard. */
  readonly remoteDiagnostic?: Diagnostic | undefined;
};

/** Why a session that was up is not any more, other than that the peer leaves. */
export const DOWN_REASONS = [
  "detection-time-expired",
  "neighbour-signalled-down",
  /** We left ourselves. */
  "leave",
  "forwarding-plane-reset",
  "path-down",
] as const satisfies readonly TransitionCause[];
/** Why a session that was up is not any more, other than that the peer leaves. */
export type DownReason = (typeof DOWN_REASONS)[number];

/** The types of events. */
export const PEER_EVENTS = [
  "up",
  "down",
  "leaving",
  "silent",
] as const satisfies readonly PeerEvent["type"][];

/** What became of a peer, for those who only want to know whether it is alive. */
export type PeerEvent =
  | { readonly type: "up" }
  | {
      readonly type: "down";
      readonly reason: DownReason;
      /** What the peer gave as its reason, when it signalled: `detection-time-expired` means that it did not hear us. */
      readonly remoteDiagnostic?: Diagnostic | undefined;
    }
  /** It goes on purpose (AdminDown), and may go on working for a while. Said again when it is heard to be leaving anew. */
  | { readonly type: "leaving"; readonly remoteDiagnostic: Diagnostic }
  /** It was heard without being up, as while it was leaving, and is not heard any more. */
  | { readonly type: "silent" };

/** What a step from one state to another means for the peer; `undefined` if nothing that others would act on. */
export const peerEvent = (
  before: SessionState,
  after: SessionState,
  transition: Transition | undefined,
): PeerEvent | undefined => {
  if (after.remote?.state === "admin-down" && before.remote?.state !== "admin-down") {
    return { type: "leaving", remoteDiagnostic: after.remote.diagnostic };
  }
  if (after.name === "up" && before.name !== "up") return { type: "up" };
  const reason = before.name === "up" ? DOWN_REASONS.find((each) => each === transition?.cause) : undefined;
  if (reason !== undefined) {
    return { type: "down", reason, remoteDiagnostic: transition?.remoteDiagnostic };
  }
  return before.remote !== undefined && after.remote === undefined ? { type: "silent" } : undefined;
};
