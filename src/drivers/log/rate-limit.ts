/**
 * Keeps one message that repeats from drowning all others: a number of lines per message and window, then a count.
 *
 * Pure: the caller passes `now` and calls `collect` after `deadline`, so that a count is reported even when the message
 * never comes again.
 */
import { after, type Duration, type Instant, seconds } from "#base/time";
import type { LogLevel } from "./port.ts";

/** Lines of one message within one window. */
export const LINES_PER_WINDOW = 20;
/** How long a window lasts from the first line in it. */
export const WINDOW: Duration = seconds(10);
/** Different messages remembered; beyond that all others share one window. */
const MAX_KEYS = 1_000;

/** What makes two lines the same, whatever their fields. */
export type LineKind = { readonly level: LogLevel; readonly message: string };
/** Lines of one kind that were left out. */
export type Suppressed = LineKind & { readonly count: number };

export type RateLimit = {
  /** Whether one more line of this kind may be written. */
  admits(kind: LineKind, now: Instant): boolean;
  /** Ends the windows that are over and gives those in which lines were suppressed. */
  collect(now: Instant): readonly Suppressed[];
  /** When the next window is over; `undefined` when none is open. */
  deadline(): Instant | undefined;
};

type Window = { readonly kind: LineKind; readonly endsAt: Instant; lines: number };

const OTHERS: LineKind = { level: "warning", message: "various other messages" };

const keyOf = ({ level, message }: LineKind): string => `${level} ${message}`;

/** A limit with no window open. */
export const createRateLimit = (): RateLimit => {
  // In the order of opening, which is the order of ending.
  const windowByKey = new Map<string, Window>();
  const windowOf = (wanted: LineKind, now: Instant): Window => {
    const known = windowByKey.get(keyOf(wanted));
    if (known !== undefined) return known;
    if (windowByKey.size >= MAX_KEYS && wanted !== OTHERS) return windowOf(OTHERS, now);
    const window = { kind: wanted, endsAt: after(now, WINDOW), lines: 0 };
    windowByKey.set(keyOf(wanted), window);
    return window;
  };
  return {
    admits(kind, now) {
      const window = windowOf(kind, now);
      window.lines += 1;
      return window.lines <= LINES_PER_WINDOW;
    },
    collect(now) {
      const suppressed: Suppressed[] = [];
      for (const [key, { kind, endsAt, lines }] of windowByKey) {
        if (endsAt > now) break;
        windowByKey.delete(key);
        if (lines > LINES_PER_WINDOW) suppressed.push({ ...kind, count: lines - LINES_PER_WINDOW });
      }
      return suppressed;
    },
    deadline() {
      const [first] = windowByKey.values();
      return first?.endsAt;
    },
  };
};
