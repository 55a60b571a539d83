/**
 * The dead-man lease: the main thread vouches for itself again and again, and when it stops, the fast thread gives up.
 *
 * An edge whose main thread hangs can neither check backends nor change forwarding, and must not attract traffic. A
 * process that was frozen as a whole finds its lease expired too when it goes on; it gets one look's grace, in which
 * its main thread speaks up.
 */
import type { Instant } from "#base/time";

/** Called at a steady pace; gives whether somebody vouches for us. */
export type LeaseWatch = (now: Instant) => boolean;

/** Watches a lease; the callbacks are told of each change, not of each look. */
export const createLeaseWatch = (parts: {
  readonly vouchedUntil: () => Instant;
  readonly onLost: (now: Instant) => void;
  readonly onFound: (now: Instant) => void;
}): LeaseWatch => {
  let suspected = false;
  let lost = false;
  return (now) => {
    const expired = parts.vouchedUntil() < now;
    if (expired && suspected && !lost) {
      lost = true;
      parts.onLost(now);
    } else if (!expired && lost) {
      lost = false;
      parts.onFound(now);
    }
    suspected = expired;
    return !lost;
  };
};
