/** How often packets go out, and how long silence may last (RFC 5880 §6.8.2 to §6.8.4, §6.8.7). */
import { after, type Duration, type Instant, micros } from "#base/time";
import type { MachineConfig } from "./config.ts";
import { SLOW_INTERVAL } from "./constants.ts";
import type { Intervals, SessionState } from "./state.ts";

const longer = (one: Duration, other: Duration): Duration => (one > other ? one : other);
const shorter = (one: Duration, other: Duration): Duration => (one < other ? one : other);

/** What a system in this state wants to say: it is slow unless the session is up (RFC 5880 §6.8.3). */
export const wantedIntervals = (config: MachineConfig, name: SessionState["name"]): Intervals => ({
  desiredMinTxInterval:
    name === "up" ? config.desiredMinTxInterval : longer(config.desiredMinTxInterval, SLOW_INTERVAL),
  requiredMinRxInterval: config.requiredMinRxInterval,
});

const areSame = (one: Intervals, other: Intervals): boolean =>
  one.desiredMinTxInterval === other.desiredMinTxInterval &&
  one.requiredMinRxInterval === other.requiredMinRxInterval;

/**
 * Begins to say what the state and the configuration want. While up, slower sending and quicker detection wait until the
 * peer has confirmed them, and a change that comes while another is being confirmed waits altogether.
 */
export const negotiate = (config: MachineConfig, state: SessionState): SessionState => {
  const wanted = wantedIntervals(config, state.name);
  if (state.name !== "up") {
    // Each packet says it, and nothing waits for a confirmation.
    const isAsIs =
      areSame(wanted, state.advertised) && areSame(wanted, state.effective) && state.poll === "none";
    return isAsIs ? state : { ...state, advertised: wanted, effective: wanted, poll: "none" };
  }
  if (state.poll !== "none" || areSame(wanted, state.advertised)) return state;
  const { effective } = state;
  return {
    ...state,
    advertised: wanted,
    effective: {
      desiredMinTxInterval: shorter(effective.desiredMinTxInterval, wanted.desiredMinTxInterval),
      requiredMinRxInterval: longer(effective.requiredMinRxInterval, wanted.requiredMinRxInterval),
    },
    poll: "polling",
  };
};

/** The interval between our packets before jitter: neither side goes faster than both like (RFC 5880 §6.8.2). */
export const transmitInterval = ({ effective, remote, farewell }: SessionState): Duration => {
  if (farewell !== undefined) return farewell.interval;
  const { desiredMinTxInterval } = effective;
  return remote === undefined
    ? desiredMinTxInterval
    : longer(desiredMinTxInterval, remote.requiredMinRxInterval);
};

/**
 * After how long a silence the peer is gone (RFC 5880 §6.8.4); `undefined` while none is known. It is the peer's
 * multiplier that counts, for the peer's packets.
 */
export const detectionTime = ({ effective, remote }: SessionState): Duration | undefined =>
  remote === undefined
    ? undefined
    : micros(remote.detectMultiplier * longer(effective.requiredMinRxInterval, remote.desiredMinTxInterval));

/** After how long a silence of ours the peer gives us up, as far as we know. */
export const peersDetectionTime = (config: MachineConfig, state: SessionState): Duration =>
  micros(config.detectMultiplier * transmitInterval(state));

/**
 * An interval shortened by a random part: up to a quarter, so that senders do not fall in step; and with a multiplier of 1
 * at least a tenth, so that one packet always comes in time (RFC 5880 §6.8.7).
 */
export const jittered = (interval: Duration, detectMultiplier: number, jitter: number): Duration =>
  micros(interval * (detectMultiplier === 1 ? 0.9 - 0.15 * jitter : 1 - 0.25 * jitter));

/**
 * From when on the next periodic packet of a session that is up may go out, if others do: an interval may be shortened by a quarter
 * (RFC 5880 §6.8.7). `undefined` while none is due ever.
 */
export const mayJoinFrom = (config: MachineConfig, state: SessionState): Instant | undefined => {
  const { name, sentAt, sendAt } = state;
  if (name !== "up" || sentAt === undefined || sendAt === undefined) return undefined;
  return after(sentAt, jittered(transmitInterval(state), config.detectMultiplier, 1));
};

/** Whether the peer asked for silence, and both know that the session is up (RFC 5880 §6.6). */
const isDemandActive = ({ name, remote }: SessionState): boolean =>
  name === "up" && remote?.state === "up" && remote.demand;

/** Whether packets go out by themselves (RFC 5880 §6.8.7). */
const isPeriodic = (config: MachineConfig, state: SessionState): boolean => {
  if (state.remote === undefined) return config.role === "active";
  if (state.remote.requiredMinRxInterval === 0) return false;
  return !isDemandActive(state) || state.poll === "polling";
};

const nextSend = (config: MachineConfig, state: SessionState): Instant | undefined => {
  if (!isPeriodic(config, state)) return undefined;
  if (state.sentAt === undefined) return state.since;
  return after(state.sentAt, jittered(transmitInterval(state), config.detectMultiplier, state.jitter));
};

/** The state with its two deadlines set. */
export const scheduled = (config: MachineConfig, state: SessionState): SessionState => {
  const silence = detectionTime(state);
  const sendAt = nextSend(config, state);
  const expireAt = silence === undefined ? undefined : after(state.heardAt, silence);
  return sendAt === state.sendAt && expireAt === state.expireAt ? state : { ...state, sendAt, expireAt };
};
