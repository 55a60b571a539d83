/**
 * Takeovers of both programs compared run by run: which is slower, and can that be told from chance? Pure arithmetic.
 *
 * Counted from the active edge's last advertisement, because that is where both programs' timers start. The gap that
 * clients see is shorter by as much of the interval as had passed when the fault came, and the bench hits that moment
 * only as well as the machine lets it: on a busy one its errors are larger than what the programs differ by.
 */
import type { Run } from "./takeover-report.ts";

/** The middle of some measurements, and between which two of them the middle of all possible ones lies. */
export type Estimate = {
  readonly median: number;
  readonly low: number;
  readonly high: number;
};

/** How sure the interval is: of a hundred such benches, so many are right. */
const CONFIDENCE = 0.95;

/** The probability that at most `most` of `count` fair coins show heads. */
const atMost = (most: number, count: number): number => {
  let term = 0.5 ** count;
  let sum = 0;
  for (let heads = 0; heads <= most; heads += 1) {
    sum += term;
    term *= (count - heads) / (heads + 1);
  }
  return sum;
};

/**
 * The median and its interval by the sign test: each measurement is above the true median with probability one half,
 * whatever their distribution, so it lies between the k-th from below and the k-th from above. `undefined` for fewer
 * than six, which say too little.
 */
export const estimate = (values: readonly number[]): Estimate | undefined => {
  const sorted = [...values].sort((a, b) => a - b);
  const count = sorted.length;
  let outside = -1;
  while (2 * atMost(outside + 1, count) <= 1 - CONFIDENCE) outside += 1;
  const [low, high] = [sorted[outside], sorted[count - 1 - outside]];
  const [below, above] = [sorted[Math.ceil(count / 2) - 1], sorted[Math.floor(count / 2)]];
  if (low === undefined || high === undefined || below === undefined || above === undefined) return undefined;
  return { median: (below + above) / 2, low, high };
};

/** Steelyard's time from the last advertisement until answers came again, by keepalived's, for each two runs in turn. */
export const pairedRatios = (runs: readonly Run[]): readonly number[] =>
  runs
    .filter(({ program }) => program === "steelyard")
    .flatMap((own) => {
      const other = runs.find(
        ({ program, mode, intervalMs, share }) =>
          program === "keepalived" &&
          mode === own.mode &&
          intervalMs === own.intervalMs &&
          share === own.share,
      );
      return other === undefined ? [] : [own.sinceAdvertMs / other.sinceAdvertMs];
    });
