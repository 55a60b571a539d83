/** Clocks, timers and dice, so that tests can have their own. */
import { type Duration, type Instant, instant, toMillis, type WallTime, wallTime } from "#base/time";

/** Takes a timer back; calling it again, or after the timer ran, does nothing. */
export type Cancel = () => void;

export type Time = {
  /** The monotonic clock. */
  now(): Instant;
  /** The wall clock, to compare with times that others wrote, and for nothing else. */
  wall(): WallTime;
  /** Runs `action` once after `delay`. */
  later(delay: Duration, action: () => void): Cancel;
  /** A number in [0, 1). */
  random(): number;
};

/** The machine's own. */
export const systemTime: Time = {
  now: () => instant(performance.now() * 1_000),
  wall: () => wallTime(Date.now()),
  later: (delay, action) => {
    const timer = setTimeout(action, Math.max(0, toMillis(delay)));
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};

/** Ends after `delay`, or at once when `signal` is aborted. */
export const pause = (time: Time, delay: Duration, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const end = (): void => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = time.later(delay, end);
    signal.addEventListener("abort", end);
  });
