/**
 * The machine of one replica that wants to lead.
 *
 * ```
 *              free, or still for its whole duration: claim
 *   following ---------------------------------------------> leading
 *       ^        (create or update; the version must match)   |   | ^
 *       |                                                     |   | | renewed
 *       +-----------------------------------------------------+   +-+
 *          renew deadline passed, or the Lease names another
 *
 *   stop: leading -> release -> stopped;  following -> stopped
 * ```
 *
 * Pure: no clock, no requests. The caller passes a monotonic `now`, performs the effects in order, and calls `step` with
 * `timer` no later than `deadline`. Whether we lead is `leads(state, now)`: it becomes false by time alone, so that a
 * process that was frozen past its term does not lead when it wakes up, even before it has done anything else.
 */
import { unreachable } from "#base/assert";
import { after, earliest, type Instant, instant } from "#base/time";
import type { LeaseConfig } from "./config.ts";
import type { LeaseClaim } from "./record.ts";
import {
  answerLimit,
  conflictPause,
  type Effect,
  type Input,
  type LossReason,
  lookPause,
  observe,
  type ReadResult,
  type State,
  type Step,
  type WriteResult,
} from "./state.ts";

/** A replica that has not asked yet; its first `timer` at `now` reads the Lease. */
export const initialState = (now: Instant): State => ({
  phase: { name: "waiting", until: now, next: "read" },
  attempt: 0,
  giveUpAt: undefined,
  observed: undefined,
  stopBy: undefined,
});

/** Whether the replica may act as the leader at `now`. */
export const leads = (state: State, now: Instant): boolean =>
  state.giveUpAt !== undefined && now < state.giveUpAt;

/** When `timer` must be delivered at the latest; `undefined` once stopped. */
export const deadline = (config: LeaseConfig, state: State): Instant | undefined => {
  const { phase, giveUpAt, stopBy } = state;
  switch (phase.name) {
    case "waiting":
      return earliest(phase.until, giveUpAt, stopBy);
    case "asking":
      return earliest(after(phase.sentAt, answerLimit(config)), giveUpAt, stopBy);
    case "stopped":
      return undefined;
    default:
      return unreachable(phase);
  }
};

/** What follows from `input` at `now`. */
export const step = (config: LeaseConfig, state: State, input: Input, now: Instant): Step => {
  if (state.phase.name === "stopped") return { state, effects: [] };
  switch (input.type) {
    case "timer":
      return onTimer(config, state, now);
    case "read-result":
      return isAwaited(state, input.attempt, true)
        ? onRead(config, state, input.result, now)
        : { state, effects: [] };
    case "write-result":
      return isAwaited(state, input.attempt, false)
        ? onWrite(config, state, input.result, now)
        : { state, effects: [] };
    case "stop":
      return onStop(config, state, now);
    default:
      return unreachable(input);
  }
};

const isAwaited = ({ phase, attempt }: State, answered: number, isRead: boolean): boolean =>
  phase.name === "asking" && attempt === answered && (phase.purpose === "read") === isRead;

const wait = (state: State, until: Instant, next: "read" | "claim"): State => ({
  ...state,
  phase: { name: "waiting", until, next },
});

const stopped = (state: State): Step => ({
  state: { ...state, phase: { name: "stopped" }, giveUpAt: undefined },
  effects: [{ type: "stopped" }],
});

const precededBy = (effects: readonly Effect[], { state, effects: more }: Step): Step => ({
  state,
  effects: [...effects, ...more],
});

const lose = (state: State, reason: LossReason): Step => ({
  state: { ...state, giveUpAt: undefined },
  effects: state.giveUpAt === undefined ? [] : [{ type: "lost-leadership", reason }],
});

const read = (state: State, now: Instant): Step => {
  const attempt = state.attempt + 1;
  return {
    state: { ...state, attempt, phase: { name: "asking", purpose: "read", sentAt: now } },
    effects: [{ type: "read", attempt }],
  };
};

/** Creates the Lease or updates it under the version that we know, with what `claim` says. */
const write = (state: State, purpose: "claim" | "release", claim: LeaseClaim, now: Instant): Step => {
  const attempt = state.attempt + 1;
  const resourceVersion = state.observed?.record?.resourceVersion;
  return {
    state: { ...state, attempt, phase: { name: "asking", purpose, sentAt: now } },
    effects: [
      resourceVersion === undefined
        ? { type: "create", attempt, claim }
        : { type: "update", attempt, resourceVersion, claim },
    ],
  };
};

/** Takes the Lease or renews it. */
const claimLease = (config: LeaseConfig, state: State, now: Instant): Step => {
  const record = state.observed?.record;
  const isOurs = record?.holder === config.identity;
  const claim: LeaseClaim = {
    holder: config.identity,
    duration: config.leaseDuration,
    transitions: record === undefined ? 0 : record.transitions + (isOurs ? 0 : 1),
    acquireTime: isOurs ? record.acquireTime : undefined,
  };
  return write(state, "claim", claim, now);
};

/** Gives the Lease back if it is ours by the version that we know; there is nothing to do otherwise. */
const releaseLease = (config: LeaseConfig, state: State, now: Instant): Step => {
  const record = state.observed?.record;
  if (record?.holder !== config.identity) return stopped(state);
  const { transitions, acquireTime } = record;
  return write(
    state,
    "release",
    { holder: "", duration: config.leaseDuration, transitions, acquireTime },
    now,
  );
};

const onTimer = (config: LeaseConfig, state: State, now: Instant): Step => {
  if (state.stopBy !== undefined && now >= state.stopBy) return stopped(state);
  if (state.giveUpAt !== undefined && now >= state.giveUpAt) {
    const { state: following, effects } = lose(state, "renew-deadline");
    return precededBy(effects, onTimer(config, following, now));
  }
  const { phase } = state;
  if (phase.name === "asking") {
    return now < after(phase.sentAt, answerLimit(config))
      ? { state, effects: [] }
      : { state: afterFailure(config, state, now), effects: [] };
  }
  if (phase.name === "stopped" || now < phase.until) return { state, effects: [] };
  // Who does not lead any more does not renew: the Lease is looked at first.
  const mayRenew = phase.next === "claim" && state.giveUpAt !== undefined;
  return mayRenew ? claimLease(config, state, now) : read(state, now);
};

/** Nothing is known of what was asked for, so the Lease is read before anything is written again. */
const afterFailure = (config: LeaseConfig, state: State, now: Instant): State =>
  wait(state, after(now, state.stopBy === undefined ? config.retryPeriod : conflictPause(config)), "read");

const onRead = (config: LeaseConfig, state: State, result: ReadResult, now: Instant): Step => {
  if (result.type === "failed") return { state: afterFailure(config, state, now), effects: [] };
  const record = result.type === "found" ? result.record : undefined;
  const observed = observe(config, state.observed, record, now);
  const seen: State = { ...state, observed };
  if (seen.stopBy !== undefined) return releaseLease(config, seen, now);
  if (record?.holder === config.identity) return claimLease(config, seen, now);
  const { state: following, effects } = lose(seen, "taken");
  if (now >= observed.freeAt) return precededBy(effects, claimLease(config, following, now));
  const until = earliest(after(now, lookPause(config, observed.sightings)), observed.freeAt) ?? now;
  return { state: wait(following, until, "read"), effects };
};

const onWrite = (config: LeaseConfig, state: State, result: WriteResult, now: Instant): Step => {
  const { phase } = state;
  if (phase.name !== "asking") return { state, effects: [] };
  if (result.type === "written") {
    const isRelease = phase.purpose === "release";
    if (isRelease) return stopped(state);
    return claimed(config, state, { record: result.record, sentAt: phase.sentAt, now });
  }
  if (phase.purpose === "release" && result.type === "conflict") return stopped(state);
  if (result.type === "failed") return { state: afterFailure(config, state, now), effects: [] };
  return { state: wait(state, after(now, conflictPause(config)), "read"), effects: [] };
};

/** The API server has accepted our claim, which counts from when it was sent. */
const claimed = (
  config: LeaseConfig,
  state: State,
  {
    record,
    sentAt,
    now,
  }: {
    readonly record: Extract<WriteResult, { type: "written" }>["record"];
    readonly sentAt: Instant;
    readonly now: Instant;
  },
): Step => {
  // An update that changes nothing is answered like one that does, but nobody else sees a renewal in it.
  const isUnchanged = record.resourceVersion === state.observed?.record?.resourceVersion;
  const giveUpAt = after(sentAt, config.renewDeadline);
  const seen: State = { ...state, observed: observe(config, state.observed, record, now) };
  if (seen.stopBy !== undefined) return releaseLease(config, seen, now);
  if (isUnchanged || record.holder !== config.identity || now >= giveUpAt)
    return { state: afterFailure(config, seen, now), effects: [] };
  const until = instant(Math.max(now, after(sentAt, config.retryPeriod)));
  return {
    state: { ...wait(seen, until, "claim"), giveUpAt },
    effects: state.giveUpAt === undefined ? [{ type: "became-leader" }] : [],
  };
};

const onStop = (config: LeaseConfig, state: State, now: Instant): Step => {
  if (state.stopBy !== undefined) return { state, effects: [] };
  const { state: given, effects } = lose(state, "stopped");
  const stopping: State = { ...given, stopBy: after(now, config.renewDeadline) };
  const { phase } = state;
  const mayBeOurs = state.giveUpAt !== undefined || (phase.name === "asking" && phase.purpose === "claim");
  if (!mayBeOurs) return precededBy(effects, stopped(stopping));
  // What is under way may change the version: its answer comes first.
  if (phase.name === "asking") return { state: stopping, effects };
  const isCertain = phase.name === "waiting" && phase.next === "claim";
  return precededBy(effects, isCertain ? releaseLease(config, stopping, now) : read(stopping, now));
};
