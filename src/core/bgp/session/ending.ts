/** How connections end, and what becomes of the session then (RFC 4271 §6, §8.2.2). */
import { after } from "#base/time";
import { ERRORS } from "../message/error-codes.ts";
import type { Notification } from "../message/message.ts";
import { isError } from "../message/notification.ts";
import type { EndCause } from "./cause.ts";
import { ABORT_CONNECT, type Context, type Draft, followedBy, withoutConnection } from "./draft.ts";
import type { Effect } from "./effect.ts";
import { type Connection, connectionsOf, type Running } from "./state.ts";
import { hasLived, restTime } from "./timers.ts";

/** What the peer is told; a NOTIFICATION is never answered (RFC 4271 §6.4). */
const lastWord = (cause: EndCause): Notification | undefined =>
  cause.type === "connection-closed" || cause.type === "notification-received"
    ? undefined
    : cause.notification;

/** What is done to end a connection. */
export const endEffects = (connection: Connection, cause: EndCause): readonly Effect[] => {
  const { id, direction, name } = connection;
  const word = lastWord(cause);
  const effects: Effect[] = [];
  if (word !== undefined) effects.push({ type: "send", connection: id, message: word });
  if (cause.type !== "connection-closed") effects.push({ type: "close", connection: id });
  if (name === "established") effects.push({ type: "down", connection: id, cause });
  effects.push({ type: "ended", connection: id, direction, state: name, cause });
  return effects;
};

type Ended = Draft & { readonly state: Running };

/** Ends a connection and goes on without it. What a session that lived has failed at before is forgotten. */
export const drop = ({ now }: Context, state: Running, connection: Connection, cause: EndCause): Ended => {
  const left = withoutConnection(state, connection);
  const forgets = connection.name === "established" && hasLived(connection, now);
  return {
    state: forgets ? { ...left, history: { ...left.history, failures: 0 } } : left,
    effects: endEffects(connection, cause),
    cause,
  };
};

/**
 * Whether something is wrong that the next attempt would probably meet again. Before a session is established, a connection that
 * is closed and a Cease mean only that the peer does not want this one now: it may be idle itself, or keep another one.
 */
const isFailure = (connection: Connection, cause: EndCause): boolean => {
  if (cause.type === "stop" || cause.type === "replaced") return false;
  if (connection.name === "established") return true;
  if (cause.type === "notification-received") return cause.notification.code !== ERRORS.cease.code;
  return cause.type !== "connection-closed" && cause.type !== "collision";
};

/** BFD has its own say in when the session is worth another attempt (RFC 5882 §4.2): there is nothing to wait longer and longer for. */
const isBfdDown = (cause: EndCause): boolean =>
  cause.type === "bfd-down" ||
  (cause.type === "notification-received" && isError(cause.notification, "cease", "bfd-down"));

/** Nothing is tried for a while, and nobody is let in (RFC 4271 §8.1.1, DampPeerOscillations). */
const rest = ({ now, jitter }: Context, state: Running, counts: "counts" | "passes"): Draft => {
  const failures = state.history.failures + (counts === "counts" ? 1 : 0);
  return {
    state: {
      type: "resting",
      until: after(now, restTime(counts === "counts" ? failures : 1, jitter)),
      history: { ...state.history, failures },
    },
    effects: state.outgoing.name === "connect" ? [ABORT_CONNECT] : [],
  };
};

/** Ends connections. The session goes on with what is left; if nothing is, and something is wrong, it rests. */
export const end = (
  context: Context,
  state: Running,
  connections: readonly Connection[],
  causeOf: (connection: Connection) => EndCause,
): Draft => {
  let left: Ended = { state, effects: [] };
  let hasFailed = false;
  let counts: "counts" | "passes" = "passes";
  for (const connection of connections) {
    const cause = causeOf(connection);
    const { state: without, effects } = drop(context, left.state, connection, cause);
    left = { state: without, effects: [...left.effects, ...effects], cause };
    if (!isFailure(connection, cause)) continue;
    hasFailed = true;
    if (!isBfdDown(cause)) counts = "counts";
  }
  if (!hasFailed || connectionsOf(left.state).length > 0) return left;
  return followedBy(left, rest(context, left.state, counts));
};
