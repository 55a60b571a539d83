/** What a message of the peer's does, in each state of the connection that it came on (RFC 4271 §8.2.2). */
import { unreachable } from "#base/assert";
import type { HeardMessage, MessageError, Open, RouteRefresh } from "../message/message.ts";
import type { EndCause } from "./cause.ts";
import { keptDirection } from "./collision.ts";
import { type Context, type Draft, followedBy, unmoved, withConnection } from "./draft.ts";
import { drop, end } from "./ending.ts";
import { familyOfCode, negotiate } from "./negotiate.ts";
import { COLLISION, notice, unexpected } from "./notices.ts";
import {
  type Agreement,
  type Connection,
  connectionsOf,
  type Established,
  type OpenConfirm,
  type OpenSent,
  type Running,
} from "./state.ts";
import { holdUntil, nextKeepalive } from "./timers.ts";

const endOne = (context: Context, state: Running, connection: Connection, cause: EndCause): Draft =>
  end(context, state, [connection], () => cause);

const collide = { type: "collision", notification: COLLISION } as const;

/** A message that could be read. */
export const hear = (
  context: Context,
  state: Running,
  connection: Connection,
  message: HeardMessage,
): Draft => {
  if (message.type === "notification") {
    return endOne(context, state, connection, { type: "notification-received", notification: message });
  }
  if (connection.name === "open-sent" && message.type === "open") {
    return hearOpen(context, state, connection, message);
  }
  if (connection.name === "open-confirm" && message.type === "keepalive") {
    return establish(context, state, connection);
  }
  if (connection.name === "established" && message.type !== "open") {
    return hearRoutes(context, state, connection, message);
  }
  const notification = unexpected(connection, message);
  return endOne(context, state, connection, { type: "unexpected-message", notification });
};

/** Bytes that are no message. */
export const hearMalformed = (
  context: Context,
  state: Running,
  connection: Connection,
  error: MessageError,
): Draft => endOne(context, state, connection, { type: "malformed-message", notification: notice(error) });

/**
 * The peer says who it is; only now can a collision be decided (RFC 4271 §6.8). Both connections were there before either side knew,
 * so both sides decide by who they are, even if one connection has been established meanwhile. Other than in the RFC, where it
 * would be kept: the peer may not have been as far, and have kept the other one, and nothing would be left.
 */
const hearOpen = (context: Context, state: Running, connection: OpenSent, open: Open): Draft => {
  const negotiation = negotiate(context.config, open);
  if (!negotiation.ok) {
    const { refusal, error } = negotiation;
    return endOne(context, state, connection, { type: "open-refused", refusal, notification: notice(error) });
  }
  const { agreement } = negotiation;
  const rival = connectionsOf(state).find(({ id }) => id !== connection.id);
  if (rival === undefined || rival.name === "open-sent") {
    return confirm(context, state, connection, agreement);
  }
  if (!isKept(context, connection, agreement)) return endOne(context, state, connection, collide);
  const left = drop(context, state, rival, collide);
  return followedBy(left, confirm(context, left.state, connection, agreement));
};

const isKept = ({ config }: Context, { direction }: OpenSent, { negotiated }: Agreement): boolean => {
  const ours = { routerId: config.routerId, asn: config.localAsn };
  const peers = { routerId: negotiated.peerRouterId, asn: negotiated.peerAsn };
  return direction === keptDirection({ ours, peers });
};

const confirm = (
  { now, jitter }: Context,
  state: Running,
  { id, direction, blockedSince }: OpenSent,
  agreement: Agreement,
): Draft => {
  const { negotiated } = agreement;
  const confirmed: OpenConfirm = {
    name: "open-confirm",
    id,
    direction,
    blockedSince,
    agreement,
    holdUntil: holdUntil(negotiated, now),
    keepaliveAt: nextKeepalive(negotiated, { due: now, now, jitter }),
  };
  return {
    state: withConnection(state, confirmed),
    effects: [{ type: "send", connection: id, message: { type: "keepalive" } }],
    cause: { type: "open-received" },
  };
};

/** From now on the peer may have routes of ours, and packets for them arrive as long as this machine runs. */
const establish = ({ now }: Context, state: Running, connection: OpenConfirm): Draft => {
  const { agreement, id } = connection;
  const { negotiated } = agreement;
  const established: Established = {
    ...connection,
    name: "established",
    holdUntil: holdUntil(negotiated, now),
    since: now,
  };
  const history = { ...state.history, attempts: 0, isForwardingPreserved: true };
  return {
    state: withConnection({ ...state, history }, established),
    effects: [{ type: "up", connection: id, negotiated }],
    cause: { type: "keepalive-received" },
  };
};

/** Routes are imported by nobody; whatever comes is a sign of life. */
const hearRoutes = (
  { now }: Context,
  state: Running,
  connection: Established,
  message: Exclude<HeardMessage, Open | { readonly type: "notification" }>,
): Draft => {
  const alive = { ...connection, holdUntil: holdUntil(connection.agreement.negotiated, now) };
  const draft = unmoved(withConnection(state, alive));
  switch (message.type) {
    case "update":
    case "keepalive":
      return draft;
    case "route-refresh":
      return { ...draft, effects: refresh(connection, message) };
    default:
      return unreachable(message);
  }
};

/** Families that were not agreed on are ignored (RFC 2918 §4), and so is what the peer says of its own routes (RFC 7313 §4.2). */
const refresh = (
  { id, agreement }: Established,
  { family: code, meaning }: RouteRefresh,
): Draft["effects"] => {
  const { families, hasEnhancedRouteRefresh } = agreement.negotiated;
  const family = familyOfCode(code);
  if (family === undefined || meaning !== "request" || !families.includes(family)) return [];
  return [{ type: "refresh", connection: id, family, isEnhanced: hasEnhancedRouteRefresh }];
};
