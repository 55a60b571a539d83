/** Clock, timers and dice for what talks to an API server: time moves when the test moves it. */
import { type Duration, type Instant, instant, type WallTime, wallTime } from "#base/time";

export type TestTime = {
  readonly now: () => Instant;
  readonly wall: () => WallTime;
  /** Always the middle. */
  readonly random: () => number;
  /** Timers run when `advance` passes them, in order. */
  readonly later: (delay: Duration, run: () => void) => () => void;
  readonly advance: (by: Duration) => Promise<void>;
};

/** Turns of the event loop in which a chain of requests and answers comes to rest. */
const TURNS = 12;

/** A clock at rest. */
export const createTestTime = (): TestTime => {
  let now = 0;
  const timers = new Set<{ readonly at: number; readonly run: () => void }>();
  return {
    now: () => instant(now),
    wall: () => wallTime(Date.UTC(2026, 2, 1) + now / 1_000),
    random: () => 0.5,
    later(delay, run) {
      const timer = { at: now + Math.max(0, delay), run };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    async advance(by) {
      const end = now + by;
      for (;;) {
        // What follows from what has happened so far, request by request, comes before the next timer.
        for (let turn = 0; turn < TURNS; turn += 1) await new Promise((resolve) => setImmediate(resolve));
        const [next] = [...timers].filter(({ at }) => at <= end).sort((left, right) => left.at - right.at);
        if (next === undefined) break;
        timers.delete(next);
        now = Math.max(now, next.at);
        next.run();
      }
      now = end;
    },
  };
};
