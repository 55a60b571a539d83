/**
 * When rounds start: on a fixed grid of the monotonic clock, shifted by an offset that only the subject's name decides.
 *
 * The grid keeps a late timer from pushing all later rounds back; the offset keeps a thousand checks with the same
 * interval from starting in the same millisecond, today and after every restart.
 */
import { after, type Duration, type Instant, instant, micros, millis } from "#base/time";

/** A subject without a verdict waits at most this long for its first round, whatever its interval. */
export const FIRST_ROUND_SPREAD: Duration = millis(200);

/**
 * A number in [0, 1) that depends on nothing but `name`.
 *
 * FNV-1a alone leaves `node-1` and `node-2` next to each other; the multiplications after it spread them.
 */
const fraction = (name: string): number => {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index += 1) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 0x1_0000_0000;
};

/** How far the grid of the subject called `name` is shifted: 0 or more, less than `interval`. */
export const phaseOf = (name: string, interval: Duration): Duration =>
  micros(Math.floor(fraction(name) * interval));

/** The first grid point at or after `earliest`, on the grid `phase`, `phase + interval`, `phase + 2 x interval`, ... */
export const gridPoint = (
  grid: { readonly interval: Duration; readonly phase: Duration },
  earliest: Instant,
): Instant => instant(grid.phase + Math.ceil((earliest - grid.phase) / grid.interval) * grid.interval);

/** What each subject adds to the time over which first rounds are spread: a few must not wait as if they were many. */
const FIRST_ROUND_SHARE: Duration = micros(200);

/** The time over which the first rounds of so many subjects are spread; at most `FIRST_ROUND_SPREAD`. */
export const firstRoundSpread = (subjects: number): Duration =>
  micros(Math.min(FIRST_ROUND_SPREAD, subjects * FIRST_ROUND_SHARE));

/** When a subject that has no verdict yet is asked for the first time: less than `within` from now, not all at once. */
export const firstRoundAt = (name: string, within: Duration, now: Instant): Instant =>
  after(now, phaseOf(name, within));
