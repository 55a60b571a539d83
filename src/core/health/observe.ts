/** What happened between two states of a subject, in words that logs, metrics and the journal share. */
import { between, type Duration, type Instant } from "#base/time";
import type { AttemptFailure, LastFailure, State, Verdict } from "./machine.ts";

/** Every cause of a transition, in the order of the documentation. */
export const HEALTH_CAUSES = ["first-success", "first-failure", "rise", "fall"] as const;

/**
 * Why a verdict changed: the first round said so, or enough rounds in a row did.
 * Each value is also the `cause` label of `steelyard_health_transitions_total`.
 */
export type HealthCause = (typeof HEALTH_CAUSES)[number];

/** A change of verdict. */
export type HealthTransition = {
  readonly from: Verdict;
  readonly to: Verdict;
  readonly cause: HealthCause;
  readonly at: Instant;
  /** How long the former verdict had held. */
  readonly held: Duration;
  /** The attempt that decided it, on the way to `failed`. */
  readonly failure?: { readonly reason: AttemptFailure; readonly detail: string };
  /** What the attempt that decided it did not show, on the way to `healthy`. */
  readonly note?: string;
};

const causeOf = (from: Verdict, to: Verdict): HealthCause => {
  if (from === "unknown") return to === "healthy" ? "first-success" : "first-failure";
  return to === "healthy" ? "rise" : "fall";
};

/** The change of verdict from `before` to `after`, two states of one subject; `undefined` if there was none. */
export const observe = (before: State, after: State): HealthTransition | undefined => {
  if (before.verdict === after.verdict) return undefined;
  const transition = {
    from: before.verdict,
    to: after.verdict,
    cause: causeOf(before.verdict, after.verdict),
    at: after.since,
    held: between(before.since, after.since),
  };
  if (after.verdict === "healthy" && after.lastNote !== undefined)
    return { ...transition, note: after.lastNote };
  if (after.verdict !== "failed" || after.lastFailure === undefined) return transition;
  const { reason, detail } = after.lastFailure;
  return { ...transition, failure: { reason, detail } };
};

/** The failure with which one that had failed and said no has fallen silent; `undefined` if it has not. */
export const observeSilence = (before: State, after: State): LastFailure | undefined =>
  before.failing === "says-no" && after.failing === "silent" ? after.lastFailure : undefined;

/** What a success shows, and no longer what one before it did not, or the other way round. */
export type NoteChange = { readonly note: string | undefined };

/** Whether a healthy subject says something else of itself than before, without a change of verdict; `undefined` if not. */
export const observeNote = (before: State, after: State): NoteChange | undefined =>
  before.verdict === "healthy" && after.verdict === "healthy" && before.lastNote !== after.lastNote
    ? { note: after.lastNote }
    : undefined;
