/** What the machine of one replica knows, hears and wants done. */
import { after, type Duration, type Instant, micros, seconds } from "#base/time";
import type { LeaseConfig } from "./config.ts";
import type { LeaseClaim, LeaseRecord } from "./record.ts";

/** What a request is for. */
export type Purpose = "read" | "claim" | "release";

export type Phase =
  /** Nothing is under way; at `until` comes a read, or the next renewal if the version that we know is certain. */
  | { readonly name: "waiting"; readonly until: Instant; readonly next: "read" | "claim" }
  | { readonly name: "asking"; readonly purpose: Purpose; readonly sentAt: Instant }
  | { readonly name: "stopped" };

/** The Lease as it was heard of last. */
export type Observed = {
  /** `undefined` when there is no such object. */
  readonly record: LeaseRecord | undefined;
  /** When others may take it, by our clock: it has stood still for its duration then. */
  readonly freeAt: Instant;
  /** How often this version was heard of so far; 1 at first. */
  readonly sightings: number;
};

export type State = {
  readonly phase: Phase;
  /** Number of the latest request; an answer with another number is late and ignored. */
  readonly attempt: number;
  /** While we lead: when we stop believing it unless a renewal succeeds. */
  readonly giveUpAt: Instant | undefined;
  /** `undefined` before the first answer. */
  readonly observed: Observed | undefined;
  /** Since a stop was asked for: when we go without having released the Lease. */
  readonly stopBy: Instant | undefined;
};

/** What came of a read. */
export type ReadResult =
  | { readonly type: "found"; readonly record: LeaseRecord }
  | { readonly type: "absent" }
  /** No answer, or one that says nothing about the Lease. */
  | { readonly type: "failed" };

/** What came of a creation or an update. */
export type WriteResult =
  | { readonly type: "written"; readonly record: LeaseRecord }
  /** Somebody else was first: it exists already, or its version is another, or it is gone. */
  | { readonly type: "conflict" }
  /** Unknown: it may have been written. */
  | { readonly type: "failed" };

export type Input =
  /** Time has passed; harmless when nothing is due. */
  | { readonly type: "timer" }
  | { readonly type: "read-result"; readonly attempt: number; readonly result: ReadResult }
  | { readonly type: "write-result"; readonly attempt: number; readonly result: WriteResult }
  /** A clean end: leadership is given up at once, and the Lease released so that the next replica need not wait. */
  | { readonly type: "stop" };

/** Why leadership ended. */
export type LossReason =
  | "renew-deadline" // no renewal succeeded in time
  | "taken" // the Lease names another holder, or none, or is gone
  | "stopped"; // we were asked to

export type Effect =
  | { readonly type: "read"; readonly attempt: number }
  | { readonly type: "create"; readonly attempt: number; readonly claim: LeaseClaim }
  | {
      readonly type: "update";
      readonly attempt: number;
      readonly resourceVersion: string;
      readonly claim: LeaseClaim;
    }
  | { readonly type: "became-leader" }
  /** Whatever the leader alone may do must have ended before the next effect is performed. */
  | { readonly type: "lost-leadership"; readonly reason: LossReason }
  /** Nothing more will be asked for. */
  | { readonly type: "stopped" };

export type Step = { readonly state: State; readonly effects: readonly Effect[] };

/** How long an answer is waited for: a third of the renew deadline, so that a lost one leaves time for another attempt. */
export const answerLimit = (config: LeaseConfig): Duration => micros(config.renewDeadline / 3);

/** The pause after somebody else was first: short, since the Lease is read again before anything is written. */
export const conflictPause = (config: LeaseConfig): Duration => micros(config.retryPeriod / 4);

/**
 * The pause until one that follows looks again, having seen the same version `sightings` times.
 *
 * The term counts from when a renewal is seen, so each is looked for just before it is due and again a moment later: looks
 * creep towards the renewals until every one is seen within a tenth of the retry period. One that does not come is looked
 * for less and less often.
 */
export const lookPause = ({ retryPeriod }: LeaseConfig, sightings: number): Duration => {
  const moment = retryPeriod / 10;
  if (sightings <= 1) return micros(retryPeriod - moment);
  return micros(Math.min(retryPeriod, moment * 2 ** Math.max(0, sightings - 3)));
};

const SHORTEST_TERM = seconds(1);

/** What is known after an answer that showed `record` at `now`. */
export const observe = (
  config: LeaseConfig,
  before: Observed | undefined,
  record: LeaseRecord | undefined,
  now: Instant,
): Observed => {
  if (record === undefined) {
    // Somebody removed it. Whoever held it may not know yet, so its term is respected all the same.
    const isOurs = before?.record?.holder === config.identity;
    const sightings = before === undefined || before.record !== undefined ? 1 : before.sightings + 1;
    return { record, freeAt: before === undefined || isOurs ? now : before.freeAt, sightings };
  }
  if (before?.record?.resourceVersion === record.resourceVersion)
    return { ...before, sightings: before.sightings + 1 };
  const isFree = record.holder === "" || record.holder === config.identity;
  const term = micros(Math.max(SHORTEST_TERM, record.duration ?? config.leaseDuration));
  return { record, freeAt: isFree ? now : after(now, term), sightings: 1 };
};
