/** How long to wait after failures in a row: doubling, bounded, and spread so that many do not come back at once. */
import { type Duration, micros } from "#base/time";

export type Backoff = {
  /** The longest wait after the first failure. */
  readonly first: Duration;
  /** The longest wait of all. */
  readonly most: Duration;
};

/** More doublings than any bound allows; without a limit the power becomes infinite. */
const MOST_DOUBLINGS = 40;

/**
 * The wait after the `failures`-th failure in a row (1 is the first): between half and the whole of what doubling gives.
 * `spread`, in [0, 1), says where between the two.
 */
export const backoffDelay = (
  { first, most }: Backoff,
  { failures, spread }: { readonly failures: number; readonly spread: number },
): Duration => {
  const doublings = Math.min(Math.max(failures - 1, 0), MOST_DOUBLINGS);
  const whole = Math.min(most, first * 2 ** doublings);
  return micros(whole * (0.5 + spread / 2));
};
