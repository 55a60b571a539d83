/** How long Services waited from being given addresses to having them written, as a histogram. */
import { between, type Instant } from "#base/time";
import type { ObjectKey } from "#core/kubernetes/meta";
import type { Histogram } from "#core/metrics/exposition";

/** Seconds. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;

export type Latencies = {
  /** A Service is given addresses; the first call for a key counts until it ends. */
  begin(key: ObjectKey, now: Instant): void;
  end(key: ObjectKey, now: Instant): void;
  /** It is not to get them any more. */
  forget(key: ObjectKey): void;
  /** Forgets whoever waits; what was measured stays. */
  clear(): void;
  histogram(): Histogram;
};

/** Nothing measured yet. */
export const createLatencies = (): Latencies => {
  const begun = new Map<ObjectKey, Instant>();
  const counts = BOUNDS.map(() => 0);
  let above = 0;
  let sum = 0;
  return {
    begin(key, now) {
      if (!begun.has(key)) begun.set(key, now);
    },
    end(key, now) {
      const since = begun.get(key);
      if (since === undefined) return;
      begun.delete(key);
      const seconds = between(since, now) / 1_000_000;
      sum += seconds;
      const bucket = BOUNDS.findIndex((bound) => seconds <= bound);
      if (bucket < 0) above += 1;
      else counts[bucket] = (counts[bucket] ?? 0) + 1;
    },
    forget: (key) => void begun.delete(key),
    clear: () => begun.clear(),
    histogram: () => ({
      labels: {},
      buckets: BOUNDS.map((upTo, index) => ({ upTo, count: counts[index] ?? 0 })),
      above,
      sum,
    }),
  };
};
