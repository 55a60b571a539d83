/**
 * The state machine of the session with one peer (RFC 4271 §8), whatever connections it has.
 *
 * ```
 *   +-----------+ start              +-----------+   connected       +-------------+
 *   |   idle    |------------------->|  connect  |------------------>|  open-sent  |
 *   | (stopped) |  (passive: active) | (dialling)|                   | (our OPEN)  |
 *   +-----------+                    +-----------+                   +-------------+
 *         ^                 failed,  |           ^  connect-retry     |     |     ^
 *         | stop,                    v           |                    |     |     |
 *         | from anywhere            +-----------+  closed, collision,|     |OPEN |
 *         |                          |  active   |<--- Cease ---------+     |     |
 *   +-----------+    rest over       | (waiting) |<-------------------+     |     | the peer restarted
 *   |   idle    |---> connect        +-----------+                    |     v     |
 *   | (resting) |                    peer connects |                +--------------+
 *   +-----------+                                  +--> open-sent   | open-confirm |
 *         ^                                                         +--------------+
 *         |  anything wrong, and the end of an established session      |     |
 *         +-------------------------------------------------------------+     | KEEPALIVE
 *         |                                                                   v
 *         |                                                         +--------------+
 *         +---------------------------------------------------------| established  |
 *                                                                   +--------------+
 * ```
 *
 * There may be two connections at once, one in each direction. Each has its own way through open-sent and open-confirm; the
 * session has the state of the one that has come furthest. `connecting.ts` is how connections begin, `hearing.ts` what messages do,
 * `ending.ts` how connections end and when the session rests, `collision.ts` which of two is kept.
 *
 * Pure: no sockets, no clock, no timers, no dice. The caller passes the present and a random number, performs the returned
 * effects in order, and calls `step` with a `timer` input no later than `deadline`. A timer that comes early changes nothing.
 *
 * Late wake-ups (a stopped process, a stalled host): the caller must read what is queued on its sockets *before* it delivers
 * `timer`. A message counts as heard when it is delivered, so a peer that spoke meanwhile is believed before silence is.
 */
import { unreachable } from "#base/assert";
import { earliest, type Instant } from "#base/time";
import type { SessionConfig } from "./config.ts";
import { begin, connectFailed } from "./connecting.ts";
import { type Context, type Draft, unmoved, withConnection } from "./draft.ts";
import type { Step } from "./effect.ts";
import { end } from "./ending.ts";
import { hear, hearMalformed } from "./hearing.ts";
import type { ConnectionId, Input, Moment } from "./input.ts";
import { settle } from "./settling.ts";
import { endRestart, hearBfd, start, stop } from "./starting.ts";
import { type Connection, connectionsOf, type Running, type SessionState } from "./state.ts";
import { tick } from "./ticking.ts";
import { connectionDeadline } from "./timers.ts";

/** A session that has not been started. */
export const INITIAL: SessionState = { type: "stopped", isForwardingPreserved: false };

/** When `timer` must be delivered at the latest; `undefined` means only other inputs matter. */
export const deadline = (state: SessionState): Instant | undefined => {
  if (state.type === "stopped") return undefined;
  if (state.type === "resting") return state.until;
  const { outgoing } = state;
  const dial = outgoing.name === "active" || outgoing.name === "connect" ? outgoing.connectAt : undefined;
  return earliest(dial, ...connectionsOf(state).map(connectionDeadline));
};

/** The new state and the effects of one input. */
export const step = (
  config: SessionConfig,
  state: SessionState,
  input: Input,
  { now, jitter }: Moment,
): Step => {
  const context: Context = { config, now, jitter };
  return settle(context, state, advance(context, state, input));
};

const advance = (context: Context, state: SessionState, input: Input): Draft => {
  switch (input.type) {
    case "start":
      return start(context, state, input.isRestarting);
    case "stop":
      return stop(state, input);
    case "connected":
      return begin(context, state, input);
    case "connect-failed":
      return connectFailed(context, state, input.reason);
    case "closed": {
      const { reason } = input;
      return onConnection(state, input.connection, (running, connection) =>
        end(context, running, [connection], () => ({ type: "connection-closed", reason })),
      );
    }
    case "message":
      return onConnection(state, input.connection, (running, connection) =>
        hear(context, running, connection, input.message),
      );
    case "malformed":
      return onConnection(state, input.connection, (running, connection) =>
        hearMalformed(context, running, connection, input.error),
      );
    case "blocked":
      return onConnection(state, input.connection, (running, connection) =>
        unmoved(withConnection(running, { ...connection, blockedSince: input.since })),
      );
    case "bfd":
      return hearBfd(context, state, input.status);
    case "restart-over":
      return endRestart(state);
    case "timer":
      return tick(context, state);
    default:
      return unreachable(input);
  }
};

/** What is said of a connection that is gone already means nothing. */
const onConnection = (
  state: SessionState,
  id: ConnectionId,
  apply: (state: Running, connection: Connection) => Draft,
): Draft => {
  const connection = connectionsOf(state).find((each) => each.id === id);
  return state.type === "running" && connection !== undefined ? apply(state, connection) : unmoved(state);
};
