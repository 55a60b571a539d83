/** The state, inputs and effects of the machine in `machine.ts`. RFC 5880 §6.8.1 has the variables; names are its own. */
import type { Duration, Instant } from "#base/time";
import type { Diagnostic, SessionStateName } from "./constants.ts";
import type { Transition } from "./observe.ts";
import type { ControlPacket } from "./packet.ts";

/** The two intervals that a system says of itself. */
export type Intervals = {
  /** bfd.DesiredMinTxInterval. */
  readonly desiredMinTxInterval: Duration;
  /** bfd.RequiredMinRxInterval. */
  readonly requiredMinRxInterval: Duration;
};

/** What the peer said last. */
export type Remote = Intervals & {
  /** bfd.RemoteDiscr, never 0. */
  readonly discriminator: number;
  readonly state: SessionStateName;
  readonly diagnostic: Diagnostic;
  readonly requiredMinEchoRxInterval: Duration;
  readonly detectMultiplier: number;
  readonly demand: boolean;
};

/**
 * Where we are with asking the peer to confirm our intervals (RFC 5880 §6.5). After a confirmation we are `settling`:
 * a packet that is no answer must come before we may ask again, or a late answer would confirm the wrong thing.
 */
export type PollPhase = "none" | "polling" | "settling";

/** A planned leave is said at the pace that was agreed before it, until the peer would have missed us. */
export type Farewell = { readonly interval: Duration; readonly until: Instant };

export type SessionState = {
  /** bfd.SessionState. */
  readonly name: SessionStateName;
  /** Since when it has that name. */
  readonly since: Instant;
  /** bfd.LocalDiscr, 1..2^32-1. */
  readonly localDiscriminator: number;
  /** bfd.LocalDiag: why the state last changed. */
  readonly diagnostic: Diagnostic;
  /** What our packets say. */
  readonly advertised: Intervals;
  /** What we go by until the peer has confirmed that it knows what our packets say (RFC 5880 §6.8.3). */
  readonly effective: Intervals;
  readonly poll: PollPhase;
  /** `undefined` unless the peer was heard within the last detection time. */
  readonly remote: Remote | undefined;
  /** When the last packet came that counted, whenever it was read. */
  readonly heardAt: Instant;
  /** When the last periodic packet was sent; `undefined` before the first. */
  readonly sentAt: Instant | undefined;
  /** The die that was cast for the interval that runs, 0..1. */
  readonly jitter: number;
  /** `undefined` unless we are leaving. */
  readonly farewell: Farewell | undefined;
  /** When the next periodic packet is due; `undefined` while none may be sent. */
  readonly sendAt: Instant | undefined;
  /** When the peer will have been silent for its detection time; `undefined` while there is no peer to miss. */
  readonly expireAt: Instant | undefined;
};

/** Why whoever watches the path ends a session. */
export type FailureDiagnostic = Extract<Diagnostic, "forwarding-plane-reset" | "path-down">;

/** What happened. */
export type Input =
  /** Time has passed; harmless when nothing is due. `jitter` is a fresh random number in 0..1. */
  | { readonly type: "timer"; readonly jitter: number }
  /** The same where what is queued cannot be read now: packets go out, and the peer's silence is not believed. */
  | { readonly type: "beat"; readonly jitter: number }
  /** Packets of other sessions go out now: this one's goes with them if its interval may end now. */
  | { readonly type: "others-speak"; readonly jitter: number }
  /** From the peer, once demultiplexed, admitted and authenticated; it may have waited to be read. */
  | { readonly type: "packet"; readonly packet: ControlPacket; readonly waited?: Duration }
  /** We leave on purpose: the peer learns that this is no failure (RFC 5880 §6.8.16). */
  | { readonly type: "leave" }
  /** The opposite of `leave`. */
  | { readonly type: "return" }
  /**
   * Something else than BFD found that the path does not work, such as a link without carrier, or the host no longer
   * forwards as it did (RFC 5880 §6.8.15). A session that is down already says this reason from now on. It comes up
   * again when packets come.
   */
  | { readonly type: "failure"; readonly diagnostic: FailureDiagnostic }
  /** The configuration passed with this step differs from the last one's. */
  | { readonly type: "reconfigured" };

/** What the caller must do, in order. */
export type Effect = { readonly type: "send-packet"; readonly packet: ControlPacket };

/** A state and what must be done on the way to it. */
export type Step = {
  readonly state: SessionState;
  readonly effects: readonly Effect[];
  /** Set when the state has another name than before. */
  readonly transition?: Transition | undefined;
};
