/** The API server's time, as it stamps it on objects. */
import { type WallTime, wallTime } from "#base/time";
import { fieldsOf, listOf, textOf } from "#core/kubernetes/read";

/**
 * The latest time that the API server stamped on an object, in whole seconds: on the answer to a write that changed
 * something, its time now. `undefined` without `managedFields`, since only they tell of the last change.
 */
export const stampOf = (object: unknown): WallTime | undefined => {
  const metadata = fieldsOf(fieldsOf(object).metadata);
  const changes = listOf(metadata.managedFields).map((each) => fieldsOf(each).time);
  if (changes.length === 0) return undefined;
  const times = [metadata.creationTimestamp, ...changes].map((stamp) => Date.parse(textOf(stamp)));
  const known = times.filter((time) => !Number.isNaN(time));
  return known.length === 0 ? undefined : wallTime(Math.max(...known));
};

/** The API server's clock, as far as it is known. */
export type ServerTime = {
  /** Takes the answer to a write of ours that changed something, such as the renewal of a lease, as soon as it is there. */
  heard(answer: unknown): void;
  /** `undefined` before the first such answer. */
  now(): WallTime | undefined;
};

/** Follows the API server's clock by a monotonic one of ours, in milliseconds, so that a jump of the wall clock is nothing. */
export const followServerTime = (monotonic: () => number = () => performance.now()): ServerTime => {
  let last: { readonly stamp: number; readonly at: number } | undefined;
  return {
    heard: (answer) => {
      const stamp = stampOf(answer);
      if (stamp !== undefined) last = { stamp, at: monotonic() };
    },
    now: () => last && wallTime(last.stamp + monotonic() - last.at),
  };
};
