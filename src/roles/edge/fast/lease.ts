/**
 * The dead-man lease: the main thread vouches for itself again and again, and when it stops, the fast thread gives up.
 *
 * An edge whose main thread hangs can neither check backends nor change forwarding, and must not attract traffic. A
 * process that was frozen as a whole finds its lease expired too when it goes on; it gets one look's grace, in which
 * its main thread speaks up.
 *
 * A busy machine is no dead daemon: time in which the main thread was ready and others had the processors does not count,
 * up to a limit. One that loops for ever, sleeps for ever or is stopped does not wait, and gets no more time.
 */
import { after, type Duration, type Instant, micros, seconds } from "#base/time";

/** The most that waiting for a processor may add to a lease. */
const LONGEST_EXCUSE = seconds(10);

/** Called at a steady pace; gives whether somebody vouches for us. */
export type LeaseWatch = (now: Instant) => boolean;

/** Watches a lease; the callbacks are told of each change, not of each look. */
export const createLeaseWatch = (parts: {
  readonly vouchedUntil: () => Instant;
  /** How long the one who vouches has been ready and waited for a processor, since the start of all. */
  readonly waited: () => Duration;
  readonly onLost: (now: Instant) => void;
  readonly onFound: (now: Instant) => void;
}): LeaseWatch => {
  let suspected = false;
  let lost = false;
  let renewed: { readonly until: Instant; readonly waited: Duration } | undefined;

  const isExpired = (now: Instant): boolean => {
    const until = parts.vouchedUntil();
    const waited = parts.waited();
    if (renewed?.until !== until) renewed = { until, waited };
    const excuse = micros(Math.min(waited - renewed.waited, LONGEST_EXCUSE));
    return after(until, excuse) < now;
  };

  return (now) => {
    const expired = isExpired(now);
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
