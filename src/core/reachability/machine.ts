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
 * While it is resolved, answers are awaited for the whole `timeout`, so that a second machine that answers is heard, too. When
 * another machine announces the address meanwhile, what was found is out of date: it is asked for anew, `MOST_MOVES` times a round.
 *
 * A round that is late by more than `LATEST` is left out: after a pause of the process thousands would begin at once.
 *
 * Pure: the caller passes `now`, performs the effects in order, and calls `step` with `timer` no later than `deadline`.
 */
import { unreachable } from "#base/assert";
import type { MacAddress } from "#base/mac";
import { after, between, type Duration, type Instant, millis, seconds, toMillis } from "#base/time";
import { gridPoint, phaseOf } from "#core/health/schedule";

export type ProbeConfig = {
  /**
   * Time between the starts of two rounds. 1 s or more; must exceed what a whole round takes. While an address is not reachable, and
   * until it is asked for the first time, it is no longer than the default.
   */
  readonly interval: Duration;
  /** How long each question waits for an answer. */
  readonly timeout: Duration;
  /** Whether there is a TCP port to connect to. */
  readonly connects: boolean;
};

/** Ten seconds, and half a second for each question: a round without any answer is over after three seconds. */
export const PROBE_DEFAULTS = { interval: seconds(10), timeout: millis(500) } as const;

/** Addresses that one prober asks for in a second, which costs it a two-hundredth of a core: with more of them rounds come less often. */
const MOST_A_SECOND = 10;

/** The time between two rounds for a prober of so many addresses: doubled as often as needed, so that it rarely changes. */
export const intervalFor = (addresses: number): Duration => {
  const usual = toMillis(PROBE_DEFAULTS.interval);
  const doublings = Math.max(0, Math.ceil(Math.log2((1_000 * addresses) / (MOST_A_SECOND * usual))));
  return millis(usual * 2 ** doublings);
};

/** How often a question is asked before it counts as unanswered. */
export const TRIES = 3;
/** How often the address may move to another machine during one round. */
export const MOST_MOVES = 2;
/** A round that could not begin within this time does not begin. */
export const LATEST = seconds(1);

/** Why an address does not count as reachable. */
export type Obstacle =
  /** Nobody answers for it on the link. */
  | { readonly type: "not-resolved" }
  /** One machine answers for it, and that is no node of the cluster. */
  | { readonly type: "other-machine"; readonly mac: MacAddress }
  /** Several machines answer for it. */
  | { readonly type: "answered-twice"; readonly macs: readonly MacAddress[] }
  /** It is resolved, but nothing comes back from its port. */
  | { readonly type: "silent"; readonly mac: MacAddress }
  /** It is resolved, and refuses the connection: by a reset, or a word of ICMP. */
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

type Asked = {
  readonly tries: number;
  readonly since: Instant;
  /** How often the address has moved during this round. */
  readonly moves: number;
};

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
  /** Somebody tells everybody that he has the address from now on. */
  | { readonly type: "announced"; readonly mac: MacAddress }
  /** An answer to our segment, with the right acknowledgment. */
  | { readonly type: "segment"; readonly kind: "syn-ack" | "reset" }
  /** Nothing can be asked, or no answer would mean anything: what was known is out of date. */
  | { readonly type: "unable" };

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

const nextRound = (name: string, config: ProbeConfig, verdict: Verdict, now: Instant): Phase => {
  const { interval: usual } = config;
  const isSettled = verdict.type === "reachable" || usual < PROBE_DEFAULTS.interval;
  const interval = isSettled ? usual : PROBE_DEFAULTS.interval;
  const grid = { interval, phase: phaseOf(name, interval) };
  return { name: "waiting", roundAt: gridPoint(grid, after(now, millis(1))) };
};

/** An address that is probed from `now` on; `name` decides its place on the grid. */
export const initialState = (name: string, config: ProbeConfig, now: Instant): State => ({
  verdict: { type: "unknown" },
  since: now,
  phase: nextRound(name, config, { type: "unknown" }, now),
});

/** When `step` must be called again at the latest. */
export const deadline = (config: ProbeConfig, { phase }: State): Instant =>
  phase.name === "waiting" ? phase.roundAt : after(phase.since, config.timeout);

const outcome = (verdict: Verdict): string => {
  if (verdict.type !== "unreachable") return verdict.type;
  const { obstacle } = verdict;
  return `${obstacle.type} ${obstacle.type === "answered-twice" ? obstacle.macs.join(" ") : ""}`;
};

/** What is probed. */
export type Subject = {
  readonly name: string;
  readonly config: ProbeConfig;
  /** Whether a machine is known to be no node of the cluster. */
  readonly isStranger: (mac: MacAddress) => boolean;
};

type Round = Subject & {
  readonly state: State;
  readonly now: Instant;
};

const conclude = ({ name, config, state, now }: Round, to: Verdict, ...effects: readonly Effect[]): Step => {
  const isNews = outcome(to) !== outcome(state.verdict);
  const told: readonly Effect[] = isNews ? [{ type: "tell", from: state.verdict, to }] : [];
  return {
    state: { verdict: to, since: isNews ? now : state.since, phase: nextRound(name, config, to, now) },
    effects: [...effects, ...told],
  };
};

const resolve = (
  { state, now }: Round,
  { tries, moves }: { readonly tries: number; readonly moves: number },
): Step => ({
  state: { ...state, phase: { name: "resolving", tries, moves, since: now, macs: [], resolved: undefined } },
  effects: [{ type: "resolve" }],
});

const connect = (
  { state, now }: Round,
  phase: Pick<Extract<Phase, { name: "connecting" }>, "tries" | "moves" | "mac" | "resolved">,
): Step => {
  const { tries, moves, mac, resolved } = phase;
  return {
    state: { ...state, phase: { name: "connecting", tries, moves, since: now, mac, resolved } },
    effects: [{ type: "connect", mac }],
  };
};

/** A handshake that is under way is taken back. */
const takenBack = ({ phase }: State): readonly Effect[] =>
  phase.name === "connecting" ? [{ type: "reset", mac: phase.mac }] : [];

/** All who have the address have had their time to say so. */
const onResolved = (round: Round, phase: Extract<Phase, { name: "resolving" }>): Step => {
  const { macs, tries, moves, resolved } = phase;
  const [mac] = macs;
  if (mac === undefined || resolved === undefined) {
    return tries < TRIES
      ? resolve(round, { tries: tries + 1, moves })
      : conclude(round, { type: "unreachable", obstacle: { type: "not-resolved" } });
  }
  if (macs.length > 1) {
    // Once may be a hand-over that is just under way.
    if (tries === 1) return resolve(round, { tries: tries + 1, moves });
    const obstacle: Obstacle = { type: "answered-twice", macs: [...macs].sort() };
    return conclude(round, { type: "unreachable", obstacle });
  }
  if (round.isStranger(mac)) {
    if (tries === 1) return resolve(round, { tries: tries + 1, moves });
    return conclude(round, { type: "unreachable", obstacle: { type: "other-machine", mac } });
  }
  return round.config.connects
    ? connect(round, { tries: 1, moves, mac, resolved })
    : conclude(round, { type: "reachable", mac, resolved, connected: undefined });
};

const onTimer = (round: Round): Step => {
  const { config, state, now } = round;
  const { phase } = state;
  if (deadline(config, state) > now) return { state, effects: [] };
  switch (phase.name) {
    case "waiting":
      return now > after(phase.roundAt, LATEST)
        ? { state: { ...state, phase: nextRound(round.name, config, state.verdict, now) }, effects: [] }
        : resolve(round, { tries: 1, moves: 0 });
    case "resolving":
      return onResolved(round, phase);
    case "connecting": {
      if (phase.tries < TRIES) return connect(round, { ...phase, tries: phase.tries + 1 });
      const obstacle: Obstacle = { type: "silent", mac: phase.mac };
      return conclude(round, { type: "unreachable", obstacle }, ...takenBack(state));
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

/** Another machine than those that were heard has the address now. */
const onAnnounced = (round: Round, mac: MacAddress): Step => {
  const { state } = round;
  const { phase } = state;
  const nothing: Step = { state, effects: [] };
  if (phase.name === "waiting" || phase.moves >= MOST_MOVES) return nothing;
  const known = phase.name === "connecting" ? [phase.mac] : phase.macs;
  if (known.length === 0 || known.includes(mac)) return nothing;
  const again = resolve(round, { tries: 1, moves: phase.moves + 1 });
  return { state: again.state, effects: [...takenBack(state), ...again.effects] };
};

const onSegment = (round: Round, kind: "syn-ack" | "reset"): Step => {
  const { state, now } = round;
  const { phase } = state;
  if (phase.name !== "connecting") return { state, effects: [] };
  const { mac, resolved } = phase;
  if (kind === "reset") return conclude(round, { type: "unreachable", obstacle: { type: "refused", mac } });
  const connected = between(phase.since, now);
  return conclude(round, { type: "reachable", mac, resolved, connected }, ...takenBack(state));
};

/** Takes the probe of the address called `name` one step on. */
export const step = (subject: Subject, state: State, input: Input, now: Instant): Step => {
  const round: Round = { ...subject, state, now };
  switch (input.type) {
    case "timer":
      return onTimer(round);
    case "answer":
      return onAnswer(round, input.mac);
    case "announced":
      return onAnnounced(round, input.mac);
    case "segment":
      return onSegment(round, input.kind);
    case "unable":
      return conclude(round, { type: "unknown" }, ...takenBack(state));
    default:
      return unreachable(input);
  }
};
