/** How long each timer of a session runs (RFC 4271 §8.2.1, §10; RFC 9687). */
import { after, type Duration, earliest, type Instant, micros, seconds } from "#base/time";
import type { Negotiated, SessionConfig } from "./config.ts";
import type { Connection, Established } from "./state.ts";

/** How long a peer may take for its OPEN: the "large value" of RFC 4271 §8.2.2. */
export const OPEN_HOLD_TIME = seconds(240);
/** No rest is longer; how many failures there were does not matter any more. */
const LONGEST_REST = seconds(120);
/** No peer is back from a restart sooner after it had a session. */
export const SHORTEST_RUN = seconds(5);
/** KEEPALIVEs are never sent more often (RFC 4271 §4.4). */
const SHORTEST_KEEPALIVE = seconds(1);
/** The first rest after a failure, and the first wait after an attempt to connect; no attempts are closer, whatever is configured. */
const SHORTEST_WAIT = seconds(1);
const SHORTEST_SEND_HOLD = seconds(480);

/** Up to a quarter less, so that speakers do not move in step (RFC 4271 §10). The die is in [0, 1). */
const jittered = (duration: Duration, die: number): Duration => micros(duration * (0.75 + die / 4));

/** A second, doubled with each more of what went wrong in a row, at least one; never more than `longest`. */
const doubled = (count: number, longest: Duration): Duration =>
  micros(Math.min(SHORTEST_WAIT * 2 ** Math.min(count - 1, 30), longest));

/** How long an attempt to connect may take: the ConnectRetryTimer. */
export const connectRetryTime = ({ connectRetryTime: configured }: SessionConfig, die: number): Duration =>
  jittered(micros(Math.max(configured, SHORTEST_WAIT)), die);

/**
 * How long it takes until another attempt, after so many in a row that came to nothing, at least one. Shorter than the ConnectRetryTimer at
 * first: a peer that restarts is there again in a moment.
 */
export const waitTime = (config: SessionConfig, attempts: number, die: number): Duration =>
  jittered(doubled(attempts, micros(Math.max(config.connectRetryTime, SHORTEST_WAIT))), die);

/** How long nothing is tried after so many failures in a row, at least one. */
export const restTime = (failures: number, die: number): Duration =>
  jittered(doubled(failures, LONGEST_REST), die);

/** What is between our KEEPALIVEs, jitter apart; 0 for a hold time of 0 (RFC 4271 §4.4). */
export const keepaliveTime = (wanted: Duration, holdTime: Duration): Duration =>
  holdTime === 0 ? micros(0) : micros(Math.max(Math.min(wanted, holdTime / 3), SHORTEST_KEEPALIVE));

/** When the next KEEPALIVE is due that was due at `due`: lateness does not add up, and what was slept through is skipped. */
export const nextKeepalive = (
  { keepaliveTime }: Negotiated,
  { due, now, jitter }: { readonly due: Instant; readonly now: Instant; readonly jitter: number },
): Instant | undefined => {
  if (keepaliveTime === 0) return undefined;
  const interval = micros(Math.max(jittered(keepaliveTime, jitter), SHORTEST_KEEPALIVE));
  const next = after(due, interval);
  return next > now ? next : after(now, interval);
};

/** When a peer that was heard now has been silent for too long. */
export const holdUntil = ({ holdTime }: Negotiated, now: Instant): Instant | undefined =>
  holdTime === 0 ? undefined : after(now, holdTime);

/**
 * How long a peer may read nothing (RFC 9687 §3.2). Longer than the hold time by far: a peer that is only slow is not cut off. Other than there it
 * holds without a hold time as well: nothing else would end the session then.
 */
const sendHoldTime = ({ holdTime }: Negotiated): Duration =>
  micros(Math.max(SHORTEST_SEND_HOLD, 2 * holdTime));

/** When the peer has read nothing for too long; `undefined` while nothing waits for it, or the session is not established. */
export const sendHoldUntil = (connection: Connection): Instant | undefined =>
  connection.name === "established" && connection.blockedSince !== undefined
    ? after(connection.blockedSince, sendHoldTime(connection.agreement.negotiated))
    : undefined;

/** When there is something to do for a connection. */
export const connectionDeadline = (connection: Connection): Instant | undefined =>
  connection.name === "open-sent"
    ? connection.holdUntil
    : earliest(connection.holdUntil, connection.keepaliveAt, sendHoldUntil(connection));

/** Whether a session lived: long enough that what ended it was no failure to get along. */
export const hasLived = ({ since, agreement }: Established, now: Instant): boolean =>
  now - since >= Math.max(LONGEST_REST, 2 * agreement.negotiated.holdTime);
