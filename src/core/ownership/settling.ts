/**
 * How long a node must have been all right before it takes addresses back from others: the longer, the more often it was not.
 *
 * A node with too little processor time stands still again and again. Each time its addresses move away, and each time it takes them back,
 * which is work for everybody on the link, and the next standstill is the likelier for it.
 */
import { after, type Duration, type Instant, instant, micros, seconds } from "#base/time";
import type { OwnershipConfig } from "./config.ts";

/** When a node will have been all right for long enough, and when it lately was not. */
export type Settling = { readonly until: Instant; readonly lapses: readonly Instant[] };

/** So many lapses are anybody's. */
const FORGIVEN = 3;
/** Each one more doubles the wait, up to so many times. */
const DOUBLINGS = 4;
/** Lapses count for so many usual waits: twice as long as the longest. */
const MEMORY = 2 * 2 ** DOUBLINGS;
/** What follows a lapse as soon as this belongs to it: a process that stood still finds its sessions down as well. */
const SAME = seconds(1);

type SettleConfig = Pick<OwnershipConfig, "settle">;

const pauseAfter = ({ settle }: SettleConfig, lapses: number): Duration =>
  micros(settle * 2 ** Math.min(Math.max(lapses - FORGIVEN, 0), DOUBLINGS));

/** This node is not heard by somebody. */
export const settleAnew = (
  { settle }: SettleConfig,
  { until, lapses }: Settling,
  now: Instant,
): Settling => ({
  until: instant(Math.max(until, after(now, settle))),
  lapses,
});

/** The lapses that count, after one more. */
export const withLapse = (
  { settle }: SettleConfig,
  before: readonly Instant[],
  now: Instant,
): readonly Instant[] => {
  const last = before.at(-1);
  const isNew = last === undefined || now >= after(last, SAME);
  return (isNew ? [...before, now] : before)
    .filter((at) => now < after(at, micros(MEMORY * settle)))
    .slice(-(FORGIVEN + DOUBLINGS));
};

/** Whether these are more lapses than anybody may have. */
export const areMany = (lapses: readonly Instant[]): boolean => lapses.length > FORGIVEN;

/** This node is back after it stood still, or was cut off. */
export const settleAfterLapse = (config: SettleConfig, settling: Settling, now: Instant): Settling => {
  const lapses = withLapse(config, settling.lapses, now);
  const until = after(now, pauseAfter(config, lapses.length));
  return { until: instant(Math.max(settling.until, until)), lapses };
};
