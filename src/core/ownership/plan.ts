/** Whether and when a node may claim an address that it does not hold. */
import { after, type Duration, type Instant, instant, micros } from "#base/time";
import type { DeathCause, Standing } from "#core/liveness/standing";
import type { OwnershipConfig } from "./config.ts";
import type { ClaimCause, Entry, Surroundings } from "./state.ts";
import { detectionTime } from "./timing.ts";

/** Who should hold an address: the first candidate that is able, as far as this node knows. */
export type Choice =
  | { readonly type: "self" }
  | { readonly type: "peer"; readonly node: string }
  | { readonly type: "nobody" };

/** What to do about an address that is not held here. */
export type Plan =
  | {
      readonly type: "stand-by";
      readonly waitsFor: readonly string[];
      readonly until: Instant | undefined;
      readonly isFirst: boolean;
    }
  | {
      readonly type: "claim";
      readonly at: Instant;
      readonly cause: ClaimCause;
      /** The node that it is taken from, as far as known. */
      readonly from: string | undefined;
    };

/**
 * Whether a node has come back, as it often did lately, and has not been heard since to hold the address: it holds nothing then if it stood
 * still, and whoever was about to take the address from it goes on.
 */
const isPassing = (around: Surroundings, { memory: { holder, holderAt } }: Entry, node: string): boolean =>
  around.isUnsteady(node) && (holder !== node || holderAt < around.aliveSince(node));

/** The first candidate that is able. One that leaves is passed over, whatever it still holds; so is one that is mute. */
export const choose = (around: Surroundings, entry: Entry): Choice => {
  const { candidates, fitness, memory, state } = entry;
  for (const node of candidates) {
    if (node === around.self) {
      if (fitness === "fit" && !around.isLeaving) return { type: "self" };
    } else if (node !== memory.mute && around.standingOf(node).name === "alive") {
      if (state.name !== "claiming" || !isPassing(around, entry, node)) return { type: "peer", node };
    }
  }
  return { type: "nobody" };
};

/** Whether any other candidate is alive, so that there is somebody to hand over to. */
export const hasSuccessor = (around: Surroundings, { candidates }: Entry): boolean =>
  candidates.some((node) => node !== around.self && around.standingOf(node).name === "alive");

/** Whether `node` is preferred over `other`; who is no candidate comes last. */
export const precedes = ({ candidates }: Entry, node: string, other: string): boolean => {
  const mine = candidates.indexOf(node);
  const theirs = candidates.indexOf(other);
  return mine >= 0 && (theirs < 0 || mine < theirs);
};

/** How long a holder may stand still that nobody calls dead for it. */
const patienceOf = (config: OwnershipConfig): Duration =>
  micros(Math.max(config.askTime, detectionTime(config)));

/**
 * How long after a death an address must not be taken. One that was up and fell silent may be cut off, and then needs its time
 * to withdraw. One that others pronounce dead is asked first, for as long as a session would have waited for it; so is, more briefly,
 * one that says itself that it holds nothing, for that may have been an old packet.
 */
const restAfter = (config: OwnershipConfig, cause: DeathCause): Duration => {
  if (cause === "silent") return config.holdOff;
  return cause === "vacated" ? micros(config.askTime / 2) : patienceOf(config);
};

const releasedAt = ({ config }: Surroundings, standing: Standing): Instant | undefined =>
  standing.name === "dead" ? after(standing.since, restAfter(config, standing.cause)) : undefined;

const latest = (instants: readonly (Instant | undefined)[]): Instant =>
  instant(Math.max(...instants.map((at) => at ?? Number.NEGATIVE_INFINITY)));

/** Candidates before this node, all of which are dead or leaving when it is the first one that is able. */
const predecessors = ({ self }: Surroundings, { candidates }: Entry): readonly string[] => {
  const rank = candidates.indexOf(self);
  return rank < 0 ? candidates : candidates.slice(0, rank);
};

const causeOf = (holder: Standing): ClaimCause =>
  holder.name === "dead" && holder.cause === "vacated" ? "holder-vacated" : "holder-dead";

/** Whether a better candidate fell silent so lately that its hold-off still ran when the claim began: it was the holder. */
const hasJustDied = (around: Surroundings, entry: Entry, askedSince: Instant): boolean =>
  predecessors(around, entry).some((node) => {
    const standing = around.standingOf(node);
    if (standing.name !== "dead" || standing.cause !== "silent") return false;
    return after(standing.since, around.config.holdOff) > askedSince;
  });

/** A node that has stood still often leaves others so many times the usual time to take what nobody holds. */
const YIELDING_PATIENCE = 3;

/**
 * How long everybody is asked. Whoever has just started, or was away, does not know what it has missed: a holder may stand still for a
 * moment, and has as long for its answer as its peers give it. Whoever has been there would have heard of a holder, or has seen it die.
 */
const askTimeFor = (around: Surroundings, entry: Entry, askedSince: Instant): Duration => {
  const isNew = around.now < latest([around.settledAt, entry.memory.settledAt]);
  if (!isNew || hasJustDied(around, entry, askedSince)) return around.config.askTime;
  const patience = patienceOf(around.config);
  const isForOthers = around.isUnsteady(around.self) && hasSuccessor(around, entry);
  return isForOthers ? micros(YIELDING_PATIENCE * patience) : patience;
};

/** When a claim on an address whose holder is dead, or unknown, may end. It is asked for meanwhile. */
const claimOfAbandoned = (around: Surroundings, entry: Entry, askedSince: Instant): Plan => {
  const { holder } = entry.memory;
  const before = predecessors(around, entry);
  const releases = (holder === undefined ? before : [...before, holder]).map((node) =>
    releasedAt(around, around.standingOf(node)),
  );
  const released = latest(releases);
  const cause = holder === undefined ? "unheld" : causeOf(around.standingOf(holder));
  // A hold-off that has yet to pass leaves time enough to ask.
  const asked = after(askedSince, askTimeFor(around, entry, askedSince));
  const at = holder !== undefined && released > askedSince ? released : latest([released, asked]);
  return { type: "claim", at, cause, from: holder };
};

/** A predecessor that leaves is the holder if nobody else is known to be. */
const formerHolder = (around: Surroundings, entry: Entry): string | undefined =>
  entry.memory.holder ??
  predecessors(around, entry).find((node) => around.standingOf(node).name === "leaving");

/**
 * Whether what is known of the holder says nothing any more: it was gone since it was heard, or a better candidate has died
 * since, which may have taken the address before, unheard.
 */
const isOutdated = (around: Surroundings, entry: Entry, holder: string): boolean =>
  around.aliveSince(holder) > entry.memory.holderAt ||
  predecessors(around, entry).some((node) => {
    const standing = around.standingOf(node);
    return standing.name === "dead" && standing.since >= entry.memory.holderAt;
  });

/**
 * Take from a holder that is well, because this node is preferred: in no hurry, unless the holder is no candidate and
 * about to give up; and only if it can hear of it.
 */
const claimOfHeld = (around: Surroundings, entry: Entry, holder: string, standing: Standing): Plan => {
  const isDeaf = standing.name === "alive" && standing.hearsUs === "no";
  const isCandidate = entry.candidates.includes(holder);
  const { restrainedUntil, settledAt } = entry.memory;
  const settled = latest(isCandidate ? [around.settledAt, settledAt, restrainedUntil] : [restrainedUntil]);
  if (!isDeaf && settled <= around.now)
    return { type: "claim", at: around.now, cause: "preferred", from: holder };
  return { type: "stand-by", waitsFor: [holder], until: isDeaf ? undefined : settled, isFirst: true };
};

/**
 * Until when nothing is claimed because somebody answered of whom that was not believed; `undefined` if that is not so, or not any more: a
 * member that has been found alive since is no surprise, and when it dies, that is known, too.
 */
const contestedUntil = (around: Surroundings, { memory: { contest } }: Entry): Instant | undefined => {
  if (contest === undefined || around.now >= contest.until) return undefined;
  const isExplained = contest.by !== undefined && around.aliveSince(contest.by) >= contest.at;
  return isExplained ? undefined : contest.until;
};

/** What to do about an address that is not held here; `askedSince` is when the claim began, if one has. */
export const plan = (around: Surroundings, entry: Entry, askedSince: Instant): Plan => {
  const { now, company } = around;
  const choice = choose(around, entry);
  if (choice.type !== "self") {
    const waitsFor = choice.type === "peer" ? [choice.node] : [];
    return { type: "stand-by", waitsFor, until: undefined, isFirst: false };
  }
  const wait = (until: Instant | undefined): Plan => ({
    type: "stand-by",
    waitsFor: [],
    until,
    isFirst: true,
  });
  if (company === "doubtful" || company === "isolated") return wait(undefined);
  const contested = contestedUntil(around, entry);
  if (contested !== undefined) return wait(contested);
  const holder = formerHolder(around, entry);
  if (holder === undefined) return claimOfAbandoned(around, entry, askedSince);
  const standing = around.standingOf(holder);
  if (standing.name === "alive") {
    const unheard = { ...entry, memory: { ...entry.memory, holder: undefined } };
    if (isOutdated(around, entry, holder)) return claimOfAbandoned(around, unheard, askedSince);
    return claimOfHeld(around, entry, holder, standing);
  }
  if (standing.name === "leaving") return { type: "claim", at: now, cause: "holder-leaving", from: holder };
  return claimOfAbandoned(around, entry, askedSince);
};
