/** The state of a session: what it dials, and the up to two connections that it has. */
import type { Instant } from "#base/time";
import type { Negotiated } from "./config.ts";
import type { ConnectionId, Direction } from "./input.ts";

/** The states of RFC 4271 §8.2.2. */
export type SessionName = "idle" | "connect" | "active" | "open-sent" | "open-confirm" | "established";

/** What both OPENs come to, for the machine itself as well. */
export type Agreement = {
  readonly negotiated: Negotiated;
  /** Whether routes outlive a NOTIFICATION, so that a Hard Reset must be asked for where they must not (RFC 8538). */
  readonly survivesNotification: boolean;
  /** Whether the peer comes back with a new connection without having closed the old one (RFC 4724 §4.2). */
  readonly peerMayRestart: boolean;
};

type Connected = {
  readonly id: ConnectionId;
  readonly direction: Direction;
  /** Since when bytes wait for the peer without one of them going out; `undefined`: none wait. */
  readonly blockedSince: Instant | undefined;
};

/** Our OPEN was sent. */
export type OpenSent = Connected & {
  readonly name: "open-sent";
  readonly holdUntil: Instant;
};

/** The peer's OPEN was accepted. */
export type OpenConfirm = Connected & {
  readonly name: "open-confirm";
  readonly agreement: Agreement;
  /** When the peer will have been silent for too long; `undefined`: it may. */
  readonly holdUntil: Instant | undefined;
  /** When the next KEEPALIVE is due; `undefined`: none is. */
  readonly keepaliveAt: Instant | undefined;
};

/** The peer has accepted our OPEN as well. */
export type Established = Omit<OpenConfirm, "name"> & {
  readonly name: "established";
  readonly since: Instant;
};

/** A TCP connection and how far the talk on it has come. */
export type Connection = OpenSent | OpenConfirm | Established;

/** What there is of a connection to the peer. */
export type Outgoing =
  /** None is wanted: we are passive, or the peer's connection has come as far as open-confirm. */
  | { readonly name: "none" }
  /** The last attempt came to nothing; the next one is made then. */
  | { readonly name: "active"; readonly connectAt: Instant }
  /** An attempt is under way; when the ConnectRetryTimer expires, it is given up for another one. */
  | { readonly name: "connect"; readonly connectAt: Instant }
  | Connection;

/** What outlasts connections. */
export type History = {
  /** Attempts to connect in a row that came to nothing, since the session was established last: how long the next wait is. */
  readonly attempts: number;
  /** Failures in a row, without a session between them that lived: how long the next rest is. */
  readonly failures: number;
  /** Until when our OPENs say that we have restarted (RFC 4724 §4.1); `undefined`: they do not. */
  readonly restartingUntil: Instant | undefined;
  /** Whether packets have arrived all the time since the peer may last have had routes of ours. */
  readonly isForwardingPreserved: boolean;
};

/** It has not been started, or was stopped: idle for the RFC. */
export type Stopped = Pick<History, "isForwardingPreserved"> & { readonly type: "stopped" };

/** After a failure (RFC 4271 §8.1.1, DampPeerOscillations): idle for the RFC, for a while. */
type Resting = { readonly type: "resting"; readonly until: Instant; readonly history: History };

export type Running = {
  readonly type: "running";
  readonly outgoing: Outgoing;
  readonly incoming: Connection | undefined;
  readonly history: History;
};

export type SessionState = Stopped | Resting | Running;

/** The connections that there are, outgoing first. */
export const connectionsOf = (state: SessionState): readonly Connection[] => {
  if (state.type !== "running") return [];
  const { outgoing, incoming } = state;
  const own = isConnection(outgoing) ? [outgoing] : [];
  return incoming === undefined ? own : [...own, incoming];
};

/** Whether there is a connection, rather than the wish for one. */
const isConnection = (outgoing: Outgoing): outgoing is Connection =>
  outgoing.name === "open-sent" || outgoing.name === "open-confirm" || outgoing.name === "established";

/** The connection that the session is established on; `undefined` while it is not. */
export const establishedOf = (state: SessionState): Established | undefined =>
  connectionsOf(state).find((connection) => connection.name === "established");

const PROGRESS: readonly Connection["name"][] = ["established", "open-confirm", "open-sent"];

/** The state as RFC 4271 names it: that of the connection that has come furthest. Who waits for the peer is active. */
export const sessionName = (state: SessionState): SessionName => {
  if (state.type !== "running") return "idle";
  const names = connectionsOf(state).map(({ name }) => name);
  const furthest = PROGRESS.find((name) => names.includes(name));
  return furthest ?? (state.outgoing.name === "connect" ? "connect" : "active");
};
