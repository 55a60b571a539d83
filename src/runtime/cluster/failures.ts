/**
 * Which failing writes are worth a line: each object's failure once, until it is written or fails for another reason, and
 * of each reason no more than a few in a while. When the API server is down, 10,000 Services say the same.
 */
import { after, type Instant, seconds } from "#base/time";

export type Failures = {
  /** Takes note of a failure; says whether it is worth telling. */
  failed(subject: string, failure: { readonly reason: string; readonly message: string }): boolean;
  /** It was written after all. */
  ended(subject: string): void;
  clear(): void;
  /** How many there were, told or not. */
  readonly count: number;
};

/** Objects whose failure is remembered, and lines for each reason in a while. */
const REMEMBERED = 1_000;
const TOLD = 20;
const WHILE = seconds(60);

/** Nothing has failed yet. */
export const createFailures = (now: () => Instant): Failures => {
  const texts = new Map<string, string>();
  const toldByReason = new Map<string, { count: number; readonly until: Instant }>();
  let count = 0;
  const isAllowed = (reason: string): boolean => {
    const known = toldByReason.get(reason);
    const told =
      known === undefined || now() >= known.until ? { count: 0, until: after(now(), WHILE) } : known;
    told.count += 1;
    toldByReason.set(reason, told);
    return told.count <= TOLD;
  };
  return {
    failed(subject, { reason, message }) {
      count += 1;
      const text = `${reason} ${message}`;
      if (texts.get(subject) === text || !isAllowed(reason)) return false;
      if (texts.size >= REMEMBERED) texts.clear();
      texts.set(subject, text);
      return true;
    },
    ended: (subject) => void texts.delete(subject),
    clear: () => texts.clear(),
    get count() {
      return count;
    },
  };
};
