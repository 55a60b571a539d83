/** A clock that a test moves. */
import { after, type Duration, type Instant, instant } from "#base/time";
import type { ClockPort } from "./port.ts";

export type FakeClock = ClockPort & {
  /** Moves time on and delivers every wake-up on the way, each at its own time. */
  advance(duration: Duration): void;
  /** What it is to be woken for next. */
  readonly wakeAt: Instant | undefined;
};

/** A clock that starts at one second and stands still until it is told to go on. */
export const fakeClock = ({ onWake }: { readonly onWake: () => void }): FakeClock => {
  let now = instant(1_000_000);
  let wakeAt: Instant | undefined;
  let closed = false;
  return {
    now: () => now,
    wake: (at) => {
      if (!closed) wakeAt = at;
    },
    close: () => {
      closed = true;
      wakeAt = undefined;
    },
    advance: (duration) => {
      const end = after(now, duration);
      while (wakeAt !== undefined && wakeAt <= end) {
        now = instant(Math.max(now, wakeAt));
        wakeAt = undefined;
        onWake();
      }
      now = end;
    },
    get wakeAt() {
      return wakeAt;
    },
  };
};
