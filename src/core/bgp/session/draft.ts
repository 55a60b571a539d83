/** What the steps of the machine are made of: a state under way, with what is to be done and why. */
import { after } from "#base/time";
import type { Cause } from "./cause.ts";
import type { SessionConfig } from "./config.ts";
import type { Effect } from "./effect.ts";
import type { Moment } from "./input.ts";
import type { Connection, Running, SessionState } from "./state.ts";
import { connectRetryTime, waitTime } from "./timers.ts";

/** What a step goes by. */
export type Context = Moment & { readonly config: SessionConfig };

/** A step under way. The cause is that of a transition, should there be one. */
export type Draft = {
  readonly state: SessionState;
  readonly effects: readonly Effect[];
  readonly cause?: Cause | undefined;
};

/** Nothing happens. */
export const unmoved = (state: SessionState): Draft => ({ state, effects: [] });

/** What follows after what was done already. */
export const followedBy = (draft: Draft, next: Draft): Draft => ({
  state: next.state,
  effects: [...draft.effects, ...next.effects],
  cause: next.cause ?? draft.cause,
});

/** With this connection in place of what was in its direction. */
export const withConnection = (state: Running, connection: Connection): Running =>
  connection.direction === "outgoing"
    ? { ...state, outgoing: connection }
    : { ...state, incoming: connection };

/** Without this connection. */
export const withoutConnection = (state: Running, { direction }: Connection): Running =>
  direction === "outgoing" ? { ...state, outgoing: { name: "none" } } : { ...state, incoming: undefined };

const CONNECT: Effect = { type: "connect" };
/** Gives an attempt up. */
export const ABORT_CONNECT: Effect = { type: "abort-connect" };

/** Tries to connect, instead of an attempt that may be under way. */
export const connect = (context: Context, state: Running, cause: Cause): Draft => {
  const { config, now, jitter } = context;
  return {
    state: {
      ...state,
      outgoing: { name: "connect", connectAt: after(now, connectRetryTime(config, jitter)) },
    },
    effects: state.outgoing.name === "connect" ? [ABORT_CONNECT, CONNECT] : [CONNECT],
    cause,
  };
};

/** Waits for the next attempt to connect, after one that came to nothing. */
export const wait = ({ config, now, jitter }: Context, state: Running): Running => {
  const attempts = state.history.attempts + 1;
  return {
    ...state,
    outgoing: { name: "active", connectAt: after(now, waitTime(config, attempts, jitter)) },
    history: { ...state.history, attempts },
  };
};
