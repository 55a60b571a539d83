/**
 * The probing of one address.
 *
 *              round is due                 one answers              SYN-ACK, RST
 *   waiting ------------------> resolving ----------------> connecting ----------> waiting
 *      ^                           |  \    (no TCP port)        |
 *      |    nobody, or two answer  |   \________________________|__ reachable
 *      +---------------------------+----------------------------+
 *                                         nothing comes back
 *
 * A question is asked `TRIES` times, each for `timeout`, before it counts as unanswered, since one lost frame is no outage. The
 * latest round alone is the verdict.
 *
 * While it is resolved, answers are awaited for the whole `timeout`, so that a second machine that answers is heard, too.
 *
 * Pure: the caller passes `now`, performs the effects in order, and calls `step` with `timer` no later than `deadline`.
 */
import { unreachable } from "#base/assert";
import type { MacAddress } from "#base/mac";
import { after, between, type Duration, type Instant, millis, seconds } from "#base/time";
import { gridPoint, phaseOf } from "#core/health/schedule";

export type ProbeConfig = {
  /** Time between the starts of two rounds. 1 s or more; must exceed what a whole round takes. */
  readonly interval: Duration;
  /** How long each question waits for an answer. */
  readonly timeout: Duration;
  /** Whether there is a TCP port to connect to. */
  readonly connects: boolean;
};

/** Ten seconds, and half a second for each question: a round without any answer is over after three seconds. */
export const PROBE_DEFAULTS = { interval: seconds(10), timeout: millis(500) } as const;

/** How often a question is asked before it counts as unanswered. */
export const TRIES = 3;

/** Why an address does not count as reachable. */
export type Obstacle =
  /** Nobody answers for it on the link. */
  | { readonly type: "not-resolved" }
  /** Several machines answer for it. */
  | { readonly type: "answered-twice"; readonly macs: readonly MacAddress[] }
  /** It is resolved, but nothing comes back from its port. */
  | { readonly type: "silent"; readonly mac: MacAddress }
  /** It is resolved, and refuses the connection. */
  | { readonly type: "refused"; readonly mac: MacAddress };

export type Verdict =
  | { readonly type: "unknown" }
  | {
      readonly type: "reachable";
      readonly mac: MacAddress;
      /** From the question to the first answer. */
      readonly resolved: Duration;
      /** From the segment to its answer; `undefined` where there is no port to connect to. */
      readonly connected: Duration | undefined;
    }
  | { readonly type: "unreachable"; readonly obstacle: Obstacle };

type Asked = { readonly tries: number; readonly since: Instant };

export type Phase =
  | { readonly name: "waiting"; readonly roundAt: Instant }
  | (Asked & {
      readonly name: "resolving";
      /** Who has answered so far, and after how long the first. */
      readonly macs: readonly MacAddress[];
      readonly resolved: Duration | undefined;
    })
  | (Asked & { readonly name: "connecting"; readonly mac: MacAddress; readonly resolved: Duration });

export type State = { readonly verdict: Verdict; readonly since: Instant; readonly phase: Phase };

export type Input =
  /** Time has passed; harmless when nothing is due. */
  | { readonly type: "timer" }
  /** Somebody says that he has the address. */
  | { readonly type: "answer"; readonly mac: MacAddress }
  /** An answer to our segment, with the right acknowledgment. */
  | { readonly type: "segment"; readonly kind: "syn-ack" | "reset" };

export type Effect =
  /** Ask who has the address. */
  | { readonly type: "resolve" }
  /** Send the first segment of a handshake to this machine, from a port and with a sequence of its own. */
  | { readonly type: "connect"; readonly mac: MacAddress }
  /** Take the handshake back. */
  | { readonly type: "reset"; readonly mac: MacAddress }
  /** The verdict is another one, or has another reason. */
  | { readonly type: "tell"; readonly from: Verdict; readonly to: Verdict };

export type Step = { readonly state: State; readonly effects: readonly Effect[] };

const nextRound = (name: string, config: ProbeConfig, now: Instant): Phase => {
  const grid = { interval: config.interval, phase: phaseOf(name, config.interval) };
  return { name: "waiting", roundAt: gridPoint(grid, after(now, millis(1))) };
};

/** An address that is probed from `now` on; `name` decides its place on the grid. */
export const initialState = (name: string, config: ProbeConfig, now: Instant): State => ({
  verdict: { type: "unknown" },
  since: now,
  phase: nextRound(name, config, now),
});

/** When `step` must be called again at the latest. */
export const deadline = (config: ProbeConfig, { phase }: State): Instant =>
  phase.name === "waiting" ? phase.roundAt : after(phase.since, config.timeout);

const outcome = (verdict: Verdict): string => {
  if (verdict.type !== "unreachable") return verdict.type;
  const { obstacle } = verdict;
  return `${obstacle.type} ${obstacle.type === "answered-twice" ? obstacle.macs.join(" ") : ""}`;
};

type Round = {
  readonly name: string;
  readonly config: ProbeConfig;
  readonly state: State;
  readonly now: Instant;
};

const conclude = ({ name, config, state, now }: Round, to: Verdict, ...effects: readonly Effect[]): Step => {
  const isNews = outcome(to) !== outcome(state.verdict);
  const told: readonly Effect[] = isNews ? [{ type: "tell", from: state.verdict, to }] : [];
  return {
    state: { verdict: to, since: isNews ? now : state.since, phase: nextRound(name, config, now) },
    effects: [...effects, ...told],
  };
};

const resolve = ({ state, now }: Round, tries: number): Step => ({
  state: { ...state, phase: { name: "resolving", tries, since: now, macs: [], resolved: undefined } },
  effects: [{ type: "resolve" }],
});

const connect = (
  { state, now }: Round,
  { tries, mac, resolved }: { tries: number; mac: MacAddress; resolved: Duration },
): Step => ({
  state: { ...state, phase: { name: "connecting", tries, since: now, mac, resolved } },
  effects: [{ type: "connect", mac }],
});

/** All who have the address have had their time to say so. */
const onResolved = (round: Round, phase: Extract<Phase, { name: "resolving" }>): Step => {
  const { macs, tries, resolved } = phase;
  const [mac] = macs;
  if (mac === undefined || resolved === undefined) {
    return tries < TRIES
      ? resolve(round, tries + 1)
      : conclude(round, { type: "unreachable", obstacle: { type: "not-resolved" } });
  }
  if (macs.length > 1) {
    const obstacle: Obstacle = { type: "answered-twice", macs: [...macs].sort() };
    return conclude(round, { type: "unreachable", obstacle });
  }
  return round.config.connects
    ? connect(round, { tries: 1, mac, resolved })
    : conclude(round, { type: "reachable", mac, resolved, connected: undefined });
};

const onTimer = (round: Round): Step => {
  const { config, state, now } = round;
  const { phase } = state;
  if (deadline(config, state) > now) return { state, effects: [] };
  switch (phase.name) {
    case "waiting":
      return resolve(round, 1);
    case "resolving":
      return onResolved(round, phase);
    case "connecting": {
      const { tries, mac, resolved } = phase;
      if (tries < TRIES) return connect(round, { tries: tries + 1, mac, resolved });
      const obstacle: Obstacle = { type: "silent", mac };
      return conclude(round, { type: "unreachable", obstacle }, { type: "reset", mac });
    }
    default:
      return unreachable(phase);
  }
};

/** More machines than this that answer say nothing new. */
const MOST_MACS = 4;

const onAnswer = ({ state, now }: Round, mac: MacAddress): Step => {
  const { phase } = state;
  if (phase.name !== "resolving") return { state, effects: [] };
  if (phase.macs.includes(mac) || phase.macs.length >= MOST_MACS) return { state, effects: [] };
  const resolved = phase.resolved ?? between(phase.since, now);
  return { state: { ...state, phase: { ...phase, macs: [...phase.macs, mac], resolved } }, effects: [] };
};

const onSegment = (round: Round, kind: "syn-ack" | "reset"): Step => {
  const { state, now } = round;
  const { phase } = state;
  if (phase.name !== "connecting") return { state, effects: [] };
  const { mac, resolved } = phase;
  if (kind === "reset") return conclude(round, { type: "unreachable", obstacle: { type: "refused", mac } });
  const connected = between(phase.since, now);
  return conclude(round, { type: "reachable", mac, resolved, connected }, { type: "reset", mac });
};

/** Takes the probe of the address called `name` one step on. */
export const step = (
  { name, config }: { readonly name: string; readonly config: ProbeConfig },
  state: State,
  input: Input,
  now: Instant,
): Step => {
  const round: Round = { name, config, state, now };
  switch (input.type) {
    case "timer":
      return onTimer(round);
    case "answer":
      return onAnswer(round, input.mac);
    case "segment":
      return onSegment(round, input.kind);
    default:
      return unreachable(input);
  }
};
