/**
 * One address, as one node sees it.
 *
 * ```
 *                     first able candidate, and nobody    hold-off over,
 *                     is known to hold it well            nobody answers
 *   +---------+ -------------------------------> +----------+ -------> +---------+
 *   | standby |                                  | claiming |          | holding |
 *   +---------+ <------------------------------- +----------+          +---------+
 *     ^  ^  |     a better one lives, or somebody answers                ^ |  |
 *     |  |  |                                                            | |  |
 *     |  |  +-- holder leaves, or is less preferred ----------------------+ |  |
 *     |  |                                                                 |  |
 *     |  +------ a preferred one announces; isolated; unfit; frozen -------+  |
 *     |                                                                       |
 *     |  another one was heard to hold it, or the time is over   +----------+ |
 *     +--------------------------------------------------------- | yielding | <-- this node leaves, or is no
 *                                                                +----------+     candidate any more
 * ```
 *
 * A node answers while it is holding or yielding. `rivals.ts` has what is heard on the link.
 *
 * Pure: no clock, no sockets. The caller performs the effects in order, calls `reconsider` after anything in the surroundings
 * has changed, and `tick` no later than `deadline`.
 */
import { after, earliest, type Instant, micros } from "#base/time";
import type { OwnershipConfig } from "./config.ts";
import { used } from "./first-use.ts";
import { calmAt, noteCalm, noteTake } from "./flapping.ts";
import { verify, verifyAt } from "./given-way.ts";
import { choose, hasSuccessor, plan } from "./plan.ts";
import type {
  ClaimingState,
  Dispute,
  Effect,
  Entry,
  HoldingState,
  StandbyState,
  State,
  Step,
  Surroundings,
  TransitionCause,
} from "./state.ts";
import { endsStranger, forgetStranger, noteSilence, strangerGoneAt } from "./strangers.ts";

/** Whether the address is answered for. */
export const isHeld = ({ state }: Entry): boolean => state.name === "holding" || state.name === "yielding";

/** When `tick` must be called at the latest; `undefined` means only other inputs matter. */
export const deadline = (config: OwnershipConfig, entry: Entry): Instant | undefined =>
  earliest(
    stateDeadline(entry),
    verifyAt(entry),
    entry.memory.isFlapping ? calmAt(config, entry) : undefined,
    strangerGoneAt(entry),
  );

const stateDeadline = ({ state }: Entry): Instant | undefined => {
  switch (state.name) {
    case "standby":
      return state.until;
    case "claiming":
      return earliest(state.claimAt, state.askAt);
    case "holding":
      return earliest(...state.disputes.map(({ askAt }) => askAt));
    case "yielding":
      return state.until;
  }
};

/** Goes to another state and says so. Reasons to wait may change without a word. */
const move = (
  entry: Entry,
  state: State,
  cause: TransitionCause,
  peer?: string,
): { readonly entry: Entry; readonly effects: readonly Effect[] } => {
  const { address } = entry;
  const [from, to] = [entry.state.name, state.name];
  const next = { ...entry, state };
  if (from === to) return { entry: next, effects: [] };
  // Said first: what comes after it is not true of the stranger.
  const freed = endsStranger(from, to) ? forgetStranger(next) : unchanged(next);
  return {
    entry: freed.entry,
    effects: [...freed.effects, { type: "transition", address, from, to, cause, peer }],
  };
};

/** One step after another. */
export const andThen = (first: Step, next: (entry: Entry) => Step): Step => {
  const { entry, effects } = next(first.entry);
  return { entry, effects: [...first.effects, ...effects] };
};

/** Stays, and does nothing. */
export const unchanged = (entry: Entry): Step => ({ entry, effects: [] });

const take = (around: Surroundings, entry: Entry, cause: TransitionCause, from: string | undefined): Step => {
  const { now, self, config } = around;
  const { address } = entry;
  const state: HoldingState = { name: "holding", since: now, cause, disputes: [] };
  const noted = noteTake(config, entry, now);
  const memory = { ...used(noted.entry.memory), holder: self, holderAt: now, givenWay: undefined };
  const moved = move({ ...noted.entry, memory }, state, cause, from);
  const effects: readonly Effect[] = [
    { type: "answer", address },
    { type: "announce", address, cause: "takeover" },
  ];
  return { entry: moved.entry, effects: [...effects, ...moved.effects, ...noted.effects] };
};

/**
 * Stops answering at once, and thinks again: in another condition this node may claim it anew. `holder` is who is known to
 * hold it now.
 */
export const giveUp = (
  around: Surroundings,
  entry: Entry,
  { cause, holder }: { readonly cause: TransitionCause; readonly holder: string | undefined },
): Step => {
  const { now } = around;
  const state: State = { name: "standby", since: now, waitsFor: [], until: undefined, isFirst: false };
  const memory = { ...entry.memory, holder, holderAt: now };
  const moved = move({ ...entry, memory }, state, cause, holder);
  const silence: Effect = { type: "silence", address: entry.address };
  return andThen({ entry: moved.entry, effects: [silence, ...moved.effects] }, (next) =>
    reconsider(around, next),
  );
};

/** Thinks again about an address after something has changed. */
export const reconsider = (around: Surroundings, entry: Entry): Step => {
  const { state } = entry;
  switch (state.name) {
    case "standby":
    case "claiming":
      return reconsiderClaim(around, entry);
    case "holding":
    case "yielding":
      return reconsiderHeld(around, entry);
  }
};

const reconsiderClaim = (around: Surroundings, entry: Entry): Step => {
  const { now, config } = around;
  const { state } = entry;
  const since = state.name === "claiming" ? state.since : now;
  const next = plan(around, entry, since);
  if (next.type === "stand-by") {
    const { waitsFor, until, isFirst } = next;
    const isSame = state.name === "standby";
    if (isSame && isAsBefore(state, next)) return unchanged(entry);
    const standby = { name: "standby" as const, since: isSame ? state.since : now, waitsFor, until, isFirst };
    return move(entry, standby, isFirst ? "waiting" : "preferred-alive", waitsFor[0]);
  }
  if (next.at <= now) return take(around, entry, next.cause, next.from);
  const goesOn = state.name === "claiming";
  if (goesOn && state.cause === next.cause && state.claimAt === next.at) return unchanged(entry);
  const claiming: ClaimingState = {
    name: "claiming",
    since,
    cause: next.cause,
    claimAt: next.at,
    askAt: goesOn ? state.askAt : after(now, pauseOf(config.asks, micros(next.at - now))),
  };
  const moved = move(entry, claiming, next.cause, next.from);
  return goesOn
    ? moved
    : { entry: moved.entry, effects: [...moved.effects, ask(entry, entry.memory.holder)] };
};

/** Whether a plan is what this address waits for already. */
const isAsBefore = (
  { waitsFor, until, isFirst }: StandbyState,
  next: Pick<StandbyState, "waitsFor" | "until" | "isFirst">,
): boolean =>
  until === next.until &&
  isFirst === next.isFirst &&
  waitsFor.length === next.waitsFor.length &&
  waitsFor.every((node, index) => node === next.waitsFor[index]);

/** Between two questions, so that the last one still has as long for its answer. */
const pauseOf = (asks: number, time: number) => micros(Math.max(time / asks, 1));

/**
 * The first question goes to the last known holder alone: kernels that answer for what they do not hold cannot mislead then.
 * The others go to all, for this node may have missed who holds it now.
 */
const ask = ({ address }: Entry, of: string | undefined): Effect => ({ type: "ask", address, of });

const reconsiderHeld = (around: Surroundings, entry: Entry): Step => {
  const { now, config, self, company, isLeaving } = around;
  const { state, candidates } = entry;
  if (entry.fitness !== "fit") return giveUp(around, entry, { cause: "unfit", holder: undefined });
  if (company === "isolated") return giveUp(around, entry, { cause: "isolated", holder: undefined });
  if (!isLeaving && candidates.includes(self)) {
    if (state.name === "holding") return unchanged(entry);
    return move(entry, { name: "holding", since: now, cause: "kept", disputes: [] }, "kept");
  }
  const cause = isLeaving ? "leaving" : "placement";
  if (!hasSuccessor(around, entry)) return giveUp(around, entry, { cause, holder: undefined });
  if (state.name === "yielding") return unchanged(entry);
  const until = after(now, config.handOverLimit);
  const choice = choose(around, entry);
  const yielding: State = { name: "yielding", since: now, cause, until };
  const moved = move(entry, yielding, cause, choice.type === "peer" ? choice.node : undefined);
  // A rival may have taken over, rightly, before this node knew, and gives way if this node goes on answering.
  const disputes = state.name === "holding" ? state.disputes : [];
  const questions = disputes.map(({ rival }) => ask(entry, rival));
  return { entry: moved.entry, effects: [...moved.effects, ...questions] };
};

/** Time has passed; harmless when nothing is due. */
export const tick = (around: Surroundings, entry: Entry): Step =>
  andThen(
    andThen(noteCalm(around.config, entry, around.now), (next) => noteSilence(next, around.now)),
    (next) => tickGivenWay(around, next),
  );

const tickGivenWay = (around: Surroundings, entry: Entry): Step => {
  const due = verifyAt(entry);
  if (due === undefined || around.now < due) return tickState(around, entry);
  return andThen(verify(around, entry), (next) =>
    next.memory.givenWay === undefined ? reconsider(around, next) : tickState(around, next),
  );
};

const tickState = (around: Surroundings, entry: Entry): Step => {
  const { now, config } = around;
  const { state } = entry;
  const due = stateDeadline(entry);
  if (due === undefined || now < due) return unchanged(entry);
  switch (state.name) {
    case "standby":
      return reconsider(around, entry);
    case "claiming": {
      if (now >= state.claimAt) return reconsider(around, entry);
      const next = after(now, pauseOf(config.asks, micros(state.claimAt - state.since)));
      const askAt = next < state.claimAt ? next : undefined;
      return { entry: { ...entry, state: { ...state, askAt } }, effects: [ask(entry, undefined)] };
    }
    case "holding": {
      const isDue = ({ askAt }: Dispute): boolean => askAt !== undefined && askAt <= now;
      const disputes = state.disputes.map((each) => (isDue(each) ? { ...each, askAt: undefined } : each));
      return {
        entry: { ...entry, state: { ...state, disputes } },
        effects: state.disputes.filter(isDue).map(({ rival }) => ask(entry, rival)),
      };
    }
    case "yielding":
      return giveUp(around, entry, { cause: "hand-over-timeout", holder: undefined });
  }
};
