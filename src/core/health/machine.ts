/**
 * The health of one subject: a backend of a virtual server, or a script that routers track.
 *
 * A round is a first attempt and up to `retries` further ones; one success makes the round a success. `fall` failed
 * rounds in a row turn healthy into failed, `rise` successful ones turn failed into healthy. The first round that says
 * anything decides alone: until then the subject is `unknown` and counts as unavailable, unless it ran before, because
 * sending users to a backend nobody has asked is worse than a fifth of a second without it, and counting to `rise` would
 * only prolong that.
 *
 *             first success            `fall` failed rounds
 *   unknown ----------------> healthy ----------------------> failed
 *      |                         ^                              ^ |
 *      |                         +------------------------------|-+
 *      |                            `rise` successful rounds    |
 *      +--------------------------------------------------------+
 *                             first failed round
 *
 * One that has failed either says no (`probe.ts` has what counts as that), which it may do in good order, as a program that is to end
 * does, and then it may keep the flows that it has; or it is silent, once no attempt of `fall` rounds in a row was answered, and nobody
 * can end its flows but we. It stays silent until it is healthy: what it had is gone.
 *
 *   within a round:  waiting -> asking -> (failed, retries left) pausing -> asking -> ... -> waiting
 *
 * Pure: no sockets, no clock, no timers. The caller passes `now`, performs the returned effects in order, and calls
 * `step` with `timer` no later than `deadline`.
 */
import { assert, unreachable } from "#base/assert";
import { after, type Duration, earliest, type Instant, instant, micros, millis } from "#base/time";
import type { HealthCheckConfig } from "./config.ts";
import { type ProbeFailure, type ProbeOutcome, saysNo } from "./probe.ts";
import { FIRST_ROUND_SPREAD, firstRoundAt, gridPoint, phaseOf } from "./schedule.ts";

/** What we believe of a subject. `unknown` and `failed` count as unavailable. */
export type Verdict = "unknown" | "healthy" | "failed";

/** How one fails: it says no, or it says nothing. */
export type Failing = "says-no" | "silent";

/** Why an attempt counted as failed: the prober's reason, or `unanswered` when the prober itself said nothing. */
export type AttemptFailure = ProbeFailure | "unanswered";

/** The latest failed attempt, for people. */
export type LastFailure = {
  readonly reason: AttemptFailure;
  readonly detail: string;
  readonly at: Instant;
};

/** Where in a round we are. `dueAt` is when the round should have started, for the schedule of the next. */
export type Phase =
  | { readonly name: "waiting"; readonly roundAt: Instant }
  | {
      readonly name: "asking";
      readonly dueAt: Instant;
      readonly retriesLeft: number;
      /** Whether an attempt of this round was answered with no. */
      readonly heard: boolean;
      readonly since: Instant;
    }
  | {
      readonly name: "pausing";
      readonly dueAt: Instant;
      readonly retriesLeft: number;
      readonly heard: boolean;
      readonly attemptAt: Instant;
    };

/** Totals since the subject exists; each only grows. */
export type HealthCounters = {
  readonly attempts: number;
  readonly failedAttempts: number;
  readonly successfulRounds: number;
  readonly failedRounds: number;
  /** Rounds that said nothing because we had no means to ask (`overloaded`). */
  readonly skippedRounds: number;
  /** Answers that came after we had stopped waiting for them. */
  readonly lateAnswers: number;
};

export type State = {
  readonly verdict: Verdict;
  /** Since when `verdict` holds. */
  readonly since: Instant;
  /** Rounds in a row that spoke against `verdict`. */
  readonly against: number;
  /** `undefined` unless the verdict is `failed`. */
  readonly failing?: Failing | undefined;
  /** Failed rounds in a row of which no attempt was answered. */
  readonly silentRounds: number;
  readonly phase: Phase;
  /** Number of the latest attempt; 0 before the first. */
  readonly attempt: number;
  /** The subject's place on the grid. */
  readonly gridPhase: Duration;
  readonly lastFailure?: LastFailure;
  /** How long the latest successful attempt took. */
  readonly lastTook?: Duration;
  /** What that attempt did not show, for people. */
  readonly lastNote?: string | undefined;
  readonly counters: HealthCounters;
};

export type Input =
  /** Time has passed; harmless when nothing is due. */
  | { readonly type: "timer" }
  /** The outcome of attempt number `attempt`. */
  | { readonly type: "probe-result"; readonly attempt: number; readonly outcome: ProbeOutcome };

/** Ask the subject now; answer with a `probe-result` that carries the same number. */
export type Effect = { readonly type: "probe"; readonly attempt: number };

export type Step = { readonly state: State; readonly effects: readonly Effect[] };

/** How much longer than `timeout` we wait for the prober, so that its own, more telling word comes first. */
export const ANSWER_GRACE: Duration = millis(500);

const NO_COUNTS: HealthCounters = {
  attempts: 0,
  failedAttempts: 0,
  successfulRounds: 0,
  failedRounds: 0,
  skippedRounds: 0,
  lateAnswers: 0,
};

/**
 * A subject that is checked from `now` on. With `carried`, the state under an earlier configuration, it keeps verdict,
 * numbers and totals and goes on with the new grid; without, it is `unknown` and asked before `spread` is over.
 */
export const initialState = (
  config: HealthCheckConfig,
  {
    name,
    now,
    carried,
    spread = FIRST_ROUND_SPREAD,
  }: {
    readonly name: string;
    readonly now: Instant;
    readonly carried?: State;
    /** See `firstRoundSpread`; default a fifth of a second. */
    readonly spread?: Duration;
  },
): State => {
  const gridPhase = phaseOf(name, config.interval);
  if (carried === undefined || carried.verdict === "unknown") {
    const roundAt = firstRoundAt(name, micros(Math.min(config.interval, spread)), now);
    const phase: Phase = { name: "waiting", roundAt };
    const attempt = carried?.attempt ?? 0;
    const counters = carried?.counters ?? NO_COUNTS;
    return {
      verdict: "unknown",
      since: carried?.since ?? now,
      ...{ against: 0, silentRounds: 0 },
      phase,
      attempt,
      gridPhase,
      counters,
    };
  }
  const roundAt = gridPoint({ interval: config.interval, phase: gridPhase }, now);
  return { ...carried, against: 0, silentRounds: 0, gridPhase, phase: { name: "waiting", roundAt } };
};

/** When `step` must be called again at the latest; there is always such a time. */
export const deadline = (config: HealthCheckConfig, state: State): Instant => {
  const { phase } = state;
  switch (phase.name) {
    case "waiting":
      return phase.roundAt;
    case "pausing":
      return phase.attemptAt;
    case "asking":
      return after(after(phase.since, config.timeout), ANSWER_GRACE);
    default:
      return unreachable(phase);
  }
};

const ask = (state: State, round: Pick<Asking, "dueAt" | "retriesLeft" | "heard">, now: Instant): Step => {
  const attempt = state.attempt + 1;
  const counters = { ...state.counters, attempts: state.counters.attempts + 1 };
  const { dueAt, retriesLeft, heard } = round;
  const phase: Phase = { name: "asking", dueAt, retriesLeft, heard, since: now };
  return { state: { ...state, attempt, counters, phase }, effects: [{ type: "probe", attempt }] };
};

/** The verdict after a round that said `spoken`. */
const judge = (
  config: HealthCheckConfig,
  state: State,
  spoken: Exclude<Verdict, "unknown">,
  now: Instant,
): State => {
  if (state.verdict === spoken) return { ...state, against: 0 };
  const needed = state.verdict === "unknown" ? 1 : spoken === "healthy" ? config.rise : config.fall;
  const against = state.against + 1;
  if (against < needed) return { ...state, against };
  return { ...state, verdict: spoken, since: now, against: 0, failing: undefined };
};

/** How one fails after a round that failed: `before` it. A verdict for want of others took one round alone. */
const howItFails = (config: HealthCheckConfig, before: State, state: State): Failing | undefined => {
  if (state.verdict !== "failed" || before.failing === "silent") return state.failing;
  const needed = before.verdict === "unknown" ? 1 : config.fall;
  return state.silentRounds < needed ? "says-no" : "silent";
};

const judgeFailed = (config: HealthCheckConfig, before: State, heard: boolean, now: Instant): State => {
  const silentRounds = heard ? 0 : before.silentRounds + 1;
  const state = judge(config, { ...before, silentRounds }, "failed", now);
  return { ...state, failing: howItFails(config, before, state) };
};

/** Ends a round: the next starts at the first grid point that has not passed, so a long round skips some. */
const endRound = (config: HealthCheckConfig, state: State, dueAt: Instant, now: Instant): Step => {
  const grid = { interval: config.interval, phase: state.gridPhase };
  const roundAt = gridPoint(grid, instant(Math.max(now, dueAt + 1)));
  return { state: { ...state, phase: { name: "waiting", roundAt } }, effects: [] };
};

type Asking = Extract<Phase, { name: "asking" }>;

const attemptSucceeded = (
  config: HealthCheckConfig,
  state: State,
  asking: Asking,
  answer: { readonly took: Duration; readonly note: string | undefined; readonly now: Instant },
): Step => {
  const counters = { ...state.counters, successfulRounds: state.counters.successfulRounds + 1 };
  const answered = { ...state, counters, lastTook: answer.took, lastNote: answer.note };
  const judged = judge(config, { ...answered, silentRounds: 0 }, "healthy", answer.now);
  return endRound(config, judged, asking.dueAt, answer.now);
};

const attemptFailed = (
  config: HealthCheckConfig,
  state: State,
  asking: Asking,
  lastFailure: LastFailure,
): Step => {
  const now = lastFailure.at;
  const { counters: before } = state;
  const counters = { ...before, failedAttempts: before.failedAttempts + 1 };
  const failed = { ...state, lastFailure, counters };
  if (lastFailure.reason === "overloaded") {
    const skipped = { ...failed, counters: { ...counters, skippedRounds: before.skippedRounds + 1 } };
    return endRound(config, skipped, asking.dueAt, now);
  }
  const heard = asking.heard || saysNo(lastFailure.reason);
  if (asking.retriesLeft === 0) {
    const counted = { ...failed, counters: { ...counters, failedRounds: before.failedRounds + 1 } };
    return endRound(config, judgeFailed(config, counted, heard, now), asking.dueAt, now);
  }
  // The pause counts from when the attempt was over by rights, so that late timers do not add up over the retries.
  const overAt = earliest(now, after(asking.since, config.timeout)) ?? now;
  const attemptAt = instant(Math.max(now, after(overAt, config.retryDelay)));
  const phase: Phase = {
    name: "pausing",
    dueAt: asking.dueAt,
    retriesLeft: asking.retriesLeft - 1,
    heard,
    attemptAt,
  };
  return { state: { ...failed, phase }, effects: [] };
};

const onResult = (
  config: HealthCheckConfig,
  state: State,
  { attempt, outcome }: Extract<Input, { type: "probe-result" }>,
  now: Instant,
): Step => {
  const { phase } = state;
  assert(attempt <= state.attempt, "answer to an attempt that was never made", {
    attempt,
    latest: state.attempt,
  });
  if (phase.name !== "asking" || attempt !== state.attempt) {
    const counters = { ...state.counters, lateAnswers: state.counters.lateAnswers + 1 };
    return { state: { ...state, counters }, effects: [] };
  }
  return outcome.ok
    ? attemptSucceeded(config, state, phase, { took: outcome.took, note: outcome.note, now })
    : attemptFailed(config, state, phase, { reason: outcome.reason, detail: outcome.detail, at: now });
};

const onTimer = (config: HealthCheckConfig, state: State, now: Instant): Step => {
  const { phase } = state;
  if (now < deadline(config, state)) return { state, effects: [] };
  switch (phase.name) {
    case "waiting":
      return ask(state, { dueAt: phase.roundAt, retriesLeft: config.retries, heard: false }, now);
    case "pausing":
      return ask(state, phase, now);
    case "asking":
      return attemptFailed(config, state, phase, {
        reason: "unanswered",
        detail: "the prober itself did not answer",
        at: now,
      });
    default:
      return unreachable(phase);
  }
};

/** What follows from `input` at `now`. */
export const step = (config: HealthCheckConfig, state: State, input: Input, now: Instant): Step => {
  switch (input.type) {
    case "timer":
      return onTimer(config, state, now);
    case "probe-result":
      return onResult(config, state, input, now);
    default:
      return unreachable(input);
  }
};

/** Whether the subject may take traffic, or counts as working for a router that tracks it. */
export const isAvailable = (state: State): boolean => state.verdict === "healthy";
