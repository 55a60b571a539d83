/**
 * When one virtual router announces its addresses.
 *
 * ```
 *  +--------+   takeover                       +--------------------------------------------+
 *  |        | -------------------------------> |  announcing                                |
 *  | silent |                                  |  burst:   `repeat` times, `interval` apart |
 *  |        | <------------------------------- |  second:  a burst `delay` after takeover   |
 *  +--------+   silence                        |  again:   link-up, other-speaker or rival  |
 *                                              |  once:    defence; peer-returned: then again |
 *                                              |  refresh: once, `refresh` after the last   |
 *                                              +--------------------------------------------+
 * ```
 *
 * Pure: the caller passes `now`, performs the effects in order, and delivers `timer` no later than `deadline`.
 * A timer that comes early changes nothing; one that comes late announces once, not once for each time missed.
 */
import type { IpAddress } from "#base/address";
import { unreachable } from "#base/assert";
import { after, type Duration, earliest, type Instant, millis, seconds } from "#base/time";
import type { GratuitousPolicy } from "#core/vrrp/config";

export type Config = {
  readonly policy: GratuitousPolicy;
  /** Every address that moves with the router, advertised or not. */
  readonly addresses: readonly IpAddress[];
};

/** Why an announcement is made. Each is also a `cause` label of the announcement counter. */
export type Cause =
  | "takeover"
  | "second-burst"
  | "refresh"
  | "link-up"
  | "other-speaker"
  | "rival"
  | "defence"
  | "peer-returned"
  | "reconfigured";

type Burst = {
  readonly cause: Cause;
  /** Announcements still to come, at least 1. */
  readonly left: number;
  readonly at: Instant;
};

type Waiting = { readonly cause: Cause; readonly at: Instant };

export type AnnouncingState = {
  readonly name: "announcing";
  readonly burst: Burst | undefined;
  /** When the second burst begins. */
  readonly secondAt: Instant | undefined;
  /** A burst that was asked for and must wait, because the last began too recently. */
  readonly again: Waiting | undefined;
  /** One announcement that must wait, because the last was made a moment ago. */
  readonly once: Waiting | undefined;
  readonly refreshAt: Instant | undefined;
  readonly lastBurstAt: Instant;
  /** When anything was announced last. */
  readonly saidAt: Instant;
};

export type State = { readonly name: "silent" } | AnnouncingState;

export type Input =
  /** The addresses are here from now on. */
  | { readonly type: "takeover" }
  /** The addresses are gone from here. */
  | { readonly type: "silence" }
  /** The link came up: the switch may have forgotten, or may be another. */
  | { readonly type: "link-up" }
  /** Somebody else claimed an address, and some neighbours believe it. */
  | { readonly type: "other-speaker" }
  /** Another router advertised that it holds the addresses; it has given way by now, or will. */
  | { readonly type: "rival" }
  /** A speaker that gives way as soon as it hears who has the address was heard to hold it: said once, no burst. */
  | { readonly type: "defence" }
  /** A speaker is back that may hold the address, too, and must not miss who has it. */
  | { readonly type: "peer-returned" }
  /** The policy or the addresses have changed, `config` is new. */
  | { readonly type: "reconfigured" }
  | { readonly type: "timer" };

/** Announce these addresses, once. */
export type Effect = {
  readonly type: "announce";
  readonly addresses: readonly IpAddress[];
  readonly cause: Cause;
};

export type Step = { readonly state: State; readonly effects: readonly Effect[] };

/** Two speakers that answer each other must not storm: DEFEND_INTERVAL of RFC 5227 §1.1. */
const DEFEND_INTERVAL: Duration = seconds(10);
/**
 * A rival advertises each interval, perhaps without hearing us. It answers no announcement, so nothing can storm, and
 * neighbours must not wait for long once it is silent.
 */
const RIVAL_INTERVAL: Duration = seconds(1);
/**
 * Who defends an address against a speaker knows within 150 ms whether that was heard, so it may not wait for long; but nobody who
 * makes speakers up may make announcements without end.
 */
const ONCE_INTERVAL: Duration = millis(50);
/** A link that flaps, and peers that go and come, ask for a burst at most this often. */
const LINK_SETTLE_INTERVAL: Duration = seconds(1);
/** A zero `interval` would make the burst one long step; this is as good and lets others have their turn. */
const SHORTEST_INTERVAL: Duration = millis(1);

/** Announces nothing. */
export const INITIAL: State = { name: "silent" };

/** When `timer` must be delivered at the latest; `undefined` means only other inputs matter. */
export const deadline = (state: State): Instant | undefined =>
  state.name === "silent"
    ? undefined
    : earliest(state.burst?.at, state.secondAt, state.again?.at, state.once?.at, state.refreshAt);

/** The new state and the announcements to make now. */
export const step = (config: Config, state: State, input: Input, now: Instant): Step => {
  if (input.type === "takeover") return takeOver(config, now);
  if (input.type === "silence") return { state: INITIAL, effects: [] };
  if (state.name === "silent") return { state, effects: [] };
  switch (input.type) {
    case "link-up":
      return ask(
        config,
        state,
        { cause: "link-up", at: after(state.lastBurstAt, LINK_SETTLE_INTERVAL) },
        now,
      );
    case "other-speaker":
      return ask(
        config,
        state,
        { cause: "other-speaker", at: after(state.lastBurstAt, DEFEND_INTERVAL) },
        now,
      );
    case "rival":
      return ask(config, state, { cause: "rival", at: after(state.lastBurstAt, RIVAL_INTERVAL) }, now);
    case "defence":
      return sayOnce(config, state, "defence", now);
    case "peer-returned":
      return meet(config, state, now);
    case "reconfigured":
      return startBurst(config, { ...state, secondAt: undefined }, "reconfigured", now);
    case "timer":
      return stepTimer(config, state, now);
    default:
      return unreachable(input);
  }
};

const refreshAfter = ({ policy }: Config, now: Instant): Instant | undefined =>
  policy.refresh === 0 ? undefined : after(now, policy.refresh);

/**
 * Every announcement names all addresses, so it is a refresh, too; and it is the one that waits, if one does, whose reason is given then, since
 * that is the more urgent.
 */
const announce = (config: Config, state: AnnouncingState, cause: Cause, now: Instant): Step => ({
  state: { ...state, once: undefined, refreshAt: refreshAfter(config, now), saidAt: now },
  effects: [{ type: "announce", addresses: config.addresses, cause: state.once?.cause ?? cause }],
});

const pauseOf = ({ policy }: Config): Duration =>
  policy.interval > SHORTEST_INTERVAL ? policy.interval : SHORTEST_INTERVAL;

/** The first announcement is made at once; a burst under way is replaced, and one that waits is answered. */
const startBurst = (config: Config, state: AnnouncingState, cause: Cause, now: Instant): Step => {
  const left = config.policy.repeat - 1;
  const burst = left > 0 ? { cause, left, at: after(now, pauseOf(config)) } : undefined;
  return announce(config, { ...state, burst, again: undefined, lastBurstAt: now }, cause, now);
};

const takeOver = (config: Config, now: Instant): Step => {
  const { delay } = config.policy;
  const state: AnnouncingState = {
    name: "announcing",
    burst: undefined,
    secondAt: delay === 0 ? undefined : after(now, delay),
    again: undefined,
    once: undefined,
    refreshAt: undefined,
    lastBurstAt: now,
    saidAt: now,
  };
  return startBurst(config, state, "takeover", now);
};

/** Starts a burst at `wanted.at`, which may be now. Of several that wait, the earliest stays. */
const ask = (config: Config, state: AnnouncingState, wanted: Waiting, now: Instant): Step => {
  if (now >= wanted.at) return startBurst(config, state, wanted.cause, now);
  const sooner = state.again === undefined || wanted.at < state.again.at;
  return { state: sooner ? { ...state, again: wanted } : state, effects: [] };
};

/** Announces once, and leaves a burst under way as it is. What was said at this very moment is not said twice. */
const sayOnce = (config: Config, state: AnnouncingState, cause: Cause, now: Instant): Step => {
  const at = after(state.saidAt, ONCE_INTERVAL);
  if (now >= at) return announce(config, state, cause, now);
  if (now === state.saidAt) return { state, effects: [] };
  return { state: { ...state, once: state.once ?? { cause, at } }, effects: [] };
};

/** A burst, and where that must wait one announcement before it. */
const meet = (config: Config, state: AnnouncingState, now: Instant): Step => {
  const at = after(state.lastBurstAt, LINK_SETTLE_INTERVAL);
  const asked = ask(config, state, { cause: "peer-returned", at }, now);
  if (asked.effects.length > 0 || asked.state.name === "silent") return asked;
  return sayOnce(config, asked.state, "peer-returned", now);
};

const isDue = (at: Instant | undefined, now: Instant): boolean => at !== undefined && now >= at;

const stepTimer = (config: Config, state: AnnouncingState, now: Instant): Step => {
  if (isDue(state.secondAt, now)) {
    // A burst that waits is answered by this one, and is the more urgent reason.
    const cause = state.again?.cause ?? "second-burst";
    return startBurst(config, { ...state, secondAt: undefined }, cause, now);
  }
  if (state.again !== undefined && isDue(state.again.at, now)) {
    return startBurst(config, state, state.again.cause, now);
  }
  if (state.burst !== undefined && isDue(state.burst.at, now)) {
    return continueBurst(config, state, state.burst, now);
  }
  if (state.once !== undefined && isDue(state.once.at, now)) {
    return announce(config, state, state.once.cause, now);
  }
  if (isDue(state.refreshAt, now)) return announce(config, state, "refresh", now);
  return { state, effects: [] };
};

/** One interval after the last was due; what was slept through is not caught up with. */
const continueBurst = (config: Config, state: AnnouncingState, burst: Burst, now: Instant): Step => {
  const pause = pauseOf(config);
  const planned = after(burst.at, pause);
  const left = burst.left - 1;
  const next = left > 0 ? { ...burst, left, at: planned > now ? planned : after(now, pause) } : undefined;
  return announce(config, { ...state, burst: next }, burst.cause, now);
};
