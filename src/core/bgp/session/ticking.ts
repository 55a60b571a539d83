/** What is due (RFC 4271 §8.1.3): each timer once, however late it is. */
import type { Instant } from "#base/time";
import { type Context, connect, type Draft, followedBy, unmoved, withConnection } from "./draft.ts";
import { end } from "./ending.ts";
import { HOLD_TIMER_EXPIRED, SEND_HOLD_TIMER_EXPIRED } from "./notices.ts";
import { launch } from "./starting.ts";
import { type Connection, connectionsOf, type Running, type SessionState } from "./state.ts";
import { nextKeepalive, sendHoldUntil } from "./timers.ts";

const isDue = (at: Instant | undefined, now: Instant): at is Instant => at !== undefined && at <= now;

/** Silence comes before our own KEEPALIVE: after a long sleep nothing is sent to a peer that is lost. */
const tickConnection = (context: Context, state: Running, connection: Connection): Draft => {
  const { now, jitter } = context;
  if (isDue(connection.holdUntil, now)) {
    const notification = HOLD_TIMER_EXPIRED;
    return end(context, state, [connection], () => ({ type: "hold-timer-expired", notification }));
  }
  if (isDue(sendHoldUntil(connection), now)) {
    const notification = SEND_HOLD_TIMER_EXPIRED;
    return end(context, state, [connection], () => ({ type: "send-hold-timer-expired", notification }));
  }
  if (connection.name === "open-sent" || !isDue(connection.keepaliveAt, now)) return unmoved(state);
  const { agreement, id, keepaliveAt: due } = connection;
  const keepaliveAt = nextKeepalive(agreement.negotiated, { due, now, jitter });
  return {
    state: withConnection(state, { ...connection, keepaliveAt }),
    effects: [{ type: "send", connection: id, message: { type: "keepalive" } }],
  };
};

/** Does what is due. */
export const tick = (context: Context, state: SessionState): Draft => {
  if (state.type === "stopped") return unmoved(state);
  if (state.type === "resting") {
    if (!isDue(state.until, context.now)) return unmoved(state);
    return launch(context, state.history, { type: "rest-over" });
  }
  let draft: Draft = unmoved(state);
  for (const connection of connectionsOf(state)) {
    if (draft.state.type !== "running") break;
    draft = followedBy(draft, tickConnection(context, draft.state, connection));
  }
  if (draft.state.type !== "running") return draft;
  const { outgoing } = draft.state;
  const isDialling = outgoing.name === "active" || outgoing.name === "connect";
  if (!isDialling || !isDue(outgoing.connectAt, context.now)) return draft;
  return followedBy(draft, connect(context, draft.state, { type: "connect-retry" }));
};
