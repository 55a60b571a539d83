/** How a session begins and ends on purpose, and what BFD has to say. */
import { after } from "#base/time";
import type { Cause, EndCause } from "./cause.ts";
import { ABORT_CONNECT, type Context, connect, type Draft, unmoved } from "./draft.ts";
import { end, endEffects } from "./ending.ts";
import type { Input } from "./input.ts";
import { bfdDown, stopNotice } from "./notices.ts";
import { type Connection, connectionsOf, type History, type Running, type SessionState } from "./state.ts";

/** Begins: an active speaker connects at once, a passive one waits. */
export const launch = (context: Context, history: History, cause: Cause): Draft => {
  const running: Running = { type: "running", outgoing: { name: "none" }, incoming: undefined, history };
  return context.config.role === "active"
    ? connect(context, running, cause)
    : { state: running, effects: [], cause };
};

/** RFC 4271 §8.2.2, events 1, 3 to 7: they count in idle only. */
export const start = (context: Context, state: SessionState, isRestarting: boolean): Draft => {
  if (state.type !== "stopped") return unmoved(state);
  const { config, now } = context;
  const restartTime = isRestarting ? config.gracefulRestart?.restartTime : undefined;
  const history: History = {
    attempts: 0,
    failures: 0,
    restartingUntil: restartTime === undefined ? undefined : after(now, restartTime),
    isForwardingPreserved: isRestarting || state.isForwardingPreserved,
  };
  return launch(context, history, { type: "start" });
};

/** Everything initial has been said: a later OPEN of this run is that of a speaker that has not restarted. */
export const endRestart = (state: SessionState): Draft =>
  state.type === "stopped"
    ? unmoved(state)
    : unmoved({ ...state, history: { ...state.history, restartingUntil: undefined } });

const FORGETTING: readonly string[] = ["administrative-shutdown", "peer-removed"];

/** RFC 4271 §8.2.2, events 2 and 8: in every state. */
export const stop = (
  state: SessionState,
  { reason, communication }: Extract<Input, { readonly type: "stop" }>,
): Draft => {
  if (state.type === "stopped") return unmoved(state);
  const causeOf = (connection: Connection): EndCause => ({
    type: "stop",
    reason,
    notification: stopNotice(connection, reason, communication),
  });
  const connections = connectionsOf(state);
  const causes = connections.map(causeOf);
  const ended = connections.flatMap((connection) => endEffects(connection, causeOf(connection)));
  const isDialling = state.type === "running" && state.outgoing.name === "connect";
  return {
    state: {
      type: "stopped",
      isForwardingPreserved: state.history.isForwardingPreserved && !FORGETTING.includes(reason),
    },
    effects: isDialling ? [...ended, ABORT_CONNECT] : ended,
    cause: causes[0] ?? { type: "stop", reason, notification: undefined },
  };
};

/**
 * A path that fails ends what runs over it, at once (RFC 5882 §4). One that works again is no reason to wait any
 * longer, but the rest after a failure is kept: a path may fail every other second.
 */
export const hearBfd = (
  context: Context,
  state: SessionState,
  status: "up" | "down" | "admin-down",
): Draft => {
  if (state.type !== "running" || status === "admin-down") return unmoved(state);
  if (status === "down") {
    const causeOf = (connection: Connection): EndCause => ({
      type: "bfd-down",
      notification: bfdDown(connection),
    });
    return end(context, state, connectionsOf(state), causeOf);
  }
  const isWaiting = state.outgoing.name === "active" || state.outgoing.name === "connect";
  return isWaiting ? connect(context, state, { type: "bfd-up" }) : unmoved(state);
};
