/**
 * The state machine of one BFD session (RFC 5880 §6.8).
 *
 * ```
 *                             +--------------+
 *               leave         |  admin-down  |         leave
 *        +------------------->|  (we leave)  |<------------------+
 *        |                    +--------------+                   |
 *        |                           | return                    |
 *        |                           v                           |
 *        |   peer: Down       +--------------+   peer: Init      |
 *        |   +----------------|     down     |----------------+  |
 *        |   |                +--------------+                |  |
 *        |   v   silence, failure,   ^    ^    silence,       v  |
 *      +--------+  peer leaving      |    |    failure,     +--------+
 *      |  init  |--------------------+    +-----------------|   up   |
 *      +--------+                            peer: Down     +--------+
 *          |                                 or leaving         ^
 *          +----------------------------------------------------+
 *                          peer: Init or Up
 * ```
 *
 * Pure: no sockets, no clock, no timers, no dice. The caller passes `now`, performs the returned effects in order, and
 * calls `step` with a `timer` input no later than `deadline`. A timer that comes early changes nothing.
 *
 * Late wake-ups (a stopped process, a stalled host): the caller must read what is queued on its socket *before* it
 * delivers `timer`. A packet counts even if the deadline has passed by then, so a peer that spoke meanwhile is believed before
 * silence is. It counts from when it came, if it waited for no longer than packets are let wait (`READING_PAUSE`): silence is not found
 * later because packets are read many at once. Longer is the fault of this process, not of the peer.
 */
import { unreachable } from "#base/assert";
import { after, earliest, type Instant } from "#base/time";
import type { MachineConfig } from "./config.ts";
import { hear } from "./hearing.ts";
import type { FailureDiagnostic, Input, SessionState, Step } from "./state.ts";
import {
  mayJoinFrom,
  negotiate,
  peersDetectionTime,
  scheduled,
  transmitInterval,
  wantedIntervals,
} from "./timing.ts";
import { type Draft, enter, saysTheSame, sendPacket, unmoved } from "./transitions.ts";

/** A session that has heard nothing yet and, if it is active, is about to speak. The discriminator is 1..2^32-1. */
export const initialState = (
  config: MachineConfig,
  { localDiscriminator, now }: { readonly localDiscriminator: number; readonly now: Instant },
): SessionState => {
  const intervals = wantedIntervals(config, "down");
  return scheduled(config, {
    name: "down",
    since: now,
    localDiscriminator,
    diagnostic: "none",
    advertised: intervals,
    effective: intervals,
    poll: "none",
    remote: undefined,
    heardAt: now,
    sentAt: undefined,
    jitter: 0,
    farewell: undefined,
    sendAt: undefined,
    expireAt: undefined,
  });
};

/** When `timer` must be delivered at the latest; `undefined` means only other inputs matter. */
export const deadline = (state: SessionState): Instant | undefined => earliest(state.sendAt, state.expireAt);

/** The new state and the effects of one input. */
export const step = (config: MachineConfig, state: SessionState, input: Input, now: Instant): Step => {
  switch (input.type) {
    case "timer":
      return speak(config, finish(config, state, lapse(state, now), now), input.jitter, now);
    case "beat":
      return speak(config, { state, effects: [] }, input.jitter, now);
    case "others-speak": {
      const from = mayJoinFrom(config, state);
      if (from === undefined || now < from) return { state, effects: [] };
      return send(config, { state, effects: [] }, input.jitter, now);
    }
    case "packet":
      return finish(config, state, hear(state, input, now), now);
    case "leave":
      return finish(config, state, leave(config, state, now), now);
    case "return": {
      if (state.name !== "admin-down") return { state, effects: [] };
      return finish(
        config,
        state,
        enter(state, { to: "down", diagnostic: "none", cause: "return" }, now),
        now,
      );
    }
    case "failure":
      return finish(config, state, fail(state, input.diagnostic, now), now);
    case "reconfigured":
      return finish(config, state, unmoved(state), now);
    default:
      return unreachable(input);
  }
};

/**
 * Ends a step: the intervals follow the state, a peer that is owed news gets them at once rather than with the next
 * periodic packet (RFC 5880 §6.8.7), and the deadlines are set.
 */
const finish = (config: MachineConfig, before: SessionState, draft: Draft, now: Instant): Step => {
  const state = negotiate(config, draft.state);
  const { transition, answers } = draft;
  if (answers) {
    // It does not count as a periodic packet: whoever polls all the time must not keep our own polls from going out.
    return { state: scheduled(config, state), effects: [sendPacket(config, state, "final")], transition };
  }
  const mayNotSpeak = state.remote === undefined && config.role === "passive";
  if (mayNotSpeak || saysTheSame(before, state)) {
    return { state: scheduled(config, state), effects: [], transition };
  }
  return { state: scheduled(config, { ...state, sentAt: now }), effects: [news(config, state)], transition };
};

const news = (config: MachineConfig, state: SessionState) =>
  sendPacket(config, state, state.poll === "polling" ? "poll" : "none");

/** A session that is down already says why it would be. */
const fail = (state: SessionState, diagnostic: FailureDiagnostic, now: Instant): Draft => {
  if (state.name === "admin-down") return unmoved(state);
  return state.name === "down"
    ? unmoved({ ...state, diagnostic })
    : enter(state, { to: "down", diagnostic, cause: diagnostic }, now);
};

const leave = (config: MachineConfig, state: SessionState, now: Instant): Draft => {
  const isMissed = state.name === "up" || state.name === "init";
  const farewell = isMissed
    ? { interval: transmitInterval(state), until: after(now, peersDetectionTime(config, state)) }
    : undefined;
  const draft = enter(state, { to: "admin-down", diagnostic: "administratively-down", cause: "leave" }, now);
  return draft.transition === undefined ? draft : { ...draft, state: { ...draft.state, farewell } };
};

/** Sends the packet that is due, if one is. */
const speak = (config: MachineConfig, step: Step, jitter: number, now: Instant): Step => {
  const { sendAt } = step.state;
  return sendAt === undefined || now < sendAt ? step : send(config, step, jitter, now);
};

/** Sends a periodic packet; the next one is due after an interval with this jitter. */
const send = (config: MachineConfig, step: Step, jitter: number, now: Instant): Step => {
  const { state, effects, transition } = step;
  const sent = scheduled(config, { ...state, sentAt: now, jitter });
  return { state: sent, effects: [...effects, news(config, sent)], transition };
};

/** What has come to its end: the farewell, and with a silence of the detection time the peer (RFC 5880 §6.8.4). */
const lapse = (before: SessionState, now: Instant): Draft => {
  const { farewell } = before;
  const state = farewell === undefined || now < farewell.until ? before : { ...before, farewell: undefined };
  if (state.expireAt === undefined || now < state.expireAt) return unmoved(state);
  const diagnostic = "detection-time-expired";
  // bfd.RemoteDiscr is 0 from now on, whatever the state (RFC 5880 §6.8.1).
  const alone: SessionState = { ...state, remote: undefined };
  return state.name === "up" || state.name === "init"
    ? enter(alone, { to: "down", diagnostic, cause: diagnostic }, now)
    : unmoved(alone);
};
