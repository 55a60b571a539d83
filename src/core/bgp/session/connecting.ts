/** How connections begin: whose are taken, and whose are refused. */
import { after, type Instant } from "#base/time";
import type { Notification } from "../message/message.ts";
import type { EndCause } from "./cause.ts";
import { type Context, type Draft, followedBy, unmoved, wait, withConnection } from "./draft.ts";
import { drop } from "./ending.ts";
import type { ConnectionId, Direction, Input } from "./input.ts";
import { COLLISION, REJECTED } from "./notices.ts";
import { ownOpen } from "./open.ts";
import {
  type Connection,
  connectionsOf,
  type Established,
  establishedOf,
  type OpenSent,
  type Running,
  type SessionState,
} from "./state.ts";
import { OPEN_HOLD_TIME, SHORTEST_RUN } from "./timers.ts";

type New = { readonly connection: ConnectionId; readonly direction: Direction };

const refuse = (
  state: SessionState,
  { connection, direction }: New,
  cause: EndCause & { readonly notification: Notification | undefined },
): Draft => {
  const { notification } = cause;
  return {
    state,
    effects: [
      ...(notification === undefined ? [] : [{ type: "send", connection, message: notification } as const]),
      { type: "close", connection },
      { type: "ended", connection, direction, state: "idle", cause },
    ],
  };
};

/** Says who we are on a new connection. */
const greet = (context: Context, state: Running, { connection, direction }: New): Draft => {
  const open: OpenSent = {
    name: "open-sent",
    id: connection,
    direction,
    blockedSince: undefined,
    holdUntil: after(context.now, OPEN_HOLD_TIME),
  };
  return {
    state: withConnection(state, open),
    effects: [{ type: "send", connection, message: ownOpen(context.config, state.history, context.now) }],
    cause: { type: "connected", direction },
  };
};

/**
 * Whether a new connection means that the peer has restarted. Within seconds after the session was established it is rather one
 * that the peer had opened at the same time as we opened ours, and would have given up by now.
 */
const hasRestarted = ({ agreement, since }: Established, now: Instant): boolean =>
  agreement.peerMayRestart && now - since >= SHORTEST_RUN;

/**
 * The peer connects. A speaker opens one connection at a time, so an older one of its own that is not established yet is one that it
 * has given up. While we know from a connection of ours who the peer is, another one is refused before it has heard our OPEN: so
 * the peer cannot have kept it instead, which after two OPENs each side decides (RFC 4271 §6.8, `hearing.ts`). A session that
 * is established goes on, unless the peer comes back after a restart: then it has lost the old connection (RFC 4724 §4.2).
 */
const welcome = (context: Context, state: Running, added: New): Draft => {
  const { outgoing, incoming } = state;
  const established = establishedOf(state);
  if (established !== undefined && hasRestarted(established, context.now)) {
    const cause = { type: "replaced", notification: undefined } as const;
    return { ...replace(context, state, added, { old: connectionsOf(state), cause }), cause };
  }
  if (established !== undefined || outgoing.name === "open-confirm") {
    return refuse(state, added, { type: "collision", notification: COLLISION });
  }
  const old = incoming === undefined ? [] : [incoming];
  return replace(context, state, added, { old, cause: { type: "replaced", notification: COLLISION } });
};

const replace = (
  context: Context,
  state: Running,
  added: New,
  { old, cause }: { readonly old: readonly Connection[]; readonly cause: EndCause },
): Draft => {
  let left: Draft & { readonly state: Running } = { state, effects: [] };
  for (const connection of old) {
    const { state: without, effects } = drop(context, left.state, connection, cause);
    left = { state: without, effects: [...left.effects, ...effects] };
  }
  return followedBy(left, greet(context, left.state, added));
};

/** TCP is there. What nobody waits for any more is closed without a word; who was told to end says so. */
export const begin = (
  context: Context,
  state: SessionState,
  added: Extract<Input, { readonly type: "connected" }>,
): Draft => {
  if (state.type === "stopped") return refuse(state, added, { type: "not-wanted", notification: REJECTED });
  const silently = { type: "not-wanted", notification: undefined } as const;
  if (state.type === "resting") return refuse(state, added, silently);
  if (added.direction === "incoming") return welcome(context, state, added);
  return state.outgoing.name === "connect" ? greet(context, state, added) : refuse(state, added, silently);
};

/** An attempt has failed. */
export const connectFailed = (context: Context, state: SessionState, reason: string): Draft => {
  if (state.type !== "running" || state.outgoing.name !== "connect") return unmoved(state);
  return { state: wait(context, state), effects: [], cause: { type: "connect-failed", reason } };
};
