/** How connections begin: whose are taken, and whose are refused. */
import { after } from "#base/time";
import type { Notification } from "../message/message.ts";
import type { EndCause } from "./cause.ts";
import { type Context, type Draft, followedBy, unmoved, withConnection } from "./draft.ts";
import { drop } from "./ending.ts";
import type { ConnectionId, Direction, Input } from "./input.ts";
import { COLLISION, REJECTED } from "./notices.ts";
import { ownOpen } from "./open.ts";
import { connectionsOf, establishedOf, type OpenSent, type Running, type SessionState } from "./state.ts";
import { OPEN_HOLD_TIME } from "./timers.ts";

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

/** What the peer has opened other connections for, as far as this one shows that it has given them up. */
const givenUp = (state: Running): readonly [EndCause, ReturnType<typeof connectionsOf>] => {
  const established = establishedOf(state);
  if (established !== undefined) return [{ type: "replaced", notification: undefined }, connectionsOf(state)];
  return [
    { type: "replaced", notification: COLLISION },
    connectionsOf(state).filter(({ direction }) => direction === "incoming"),
  ];
};

/**
 * The peer connects. A session that is established goes on (RFC 4271 §6.8), unless the peer comes back with a new connection
 * after a restart: then it has lost the old one (RFC 4724 §4.2). A speaker opens one connection at a time, so another one that
 * is not established yet is one that it has given up.
 */
const welcome = (context: Context, state: Running, added: New): Draft => {
  const established = establishedOf(state);
  if (established !== undefined && !established.agreement.peerMayRestart) {
    return refuse(state, added, { type: "collision", notification: COLLISION });
  }
  const [cause, connections] = givenUp(state);
  let left: Draft & { readonly state: Running } = { state, effects: [] };
  for (const connection of connections) {
    const { state: without, effects } = drop(context, left.state, connection, cause);
    left = { state: without, effects: [...left.effects, ...effects] };
  }
  const greeted = followedBy(left, greet(context, left.state, added));
  return established === undefined ? greeted : { ...greeted, cause };
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

/** An attempt has failed: the next one is made when the ConnectRetryTimer expires, which runs on. */
export const connectFailed = (state: SessionState, reason: string): Draft => {
  if (state.type !== "running" || state.outgoing.name !== "connect") return unmoved(state);
  const { connectAt } = state.outgoing;
  return {
    state: { ...state, outgoing: { name: "active", connectAt } },
    effects: [],
    cause: { type: "connect-failed", reason },
  };
};
