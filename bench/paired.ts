/** Two programs in the same rounds: what the rounds say of their ratio, and how sure they are. Pure. */
import { median } from "./statistics.ts";

/** A ratio, and between which bounds it lies. */
export type PairedRatio = {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  /** How often such an interval holds the true median, 0..1; below `CONFIDENCE` with fewer than six rounds. */
  readonly confidence: number;
};

const CONFIDENCE = 0.95;

const choose = (n: number, k: number): number => {
  let ways = 1;
  for (let index = 1; index <= k; index += 1) ways = (ways * (n - k + index)) / index;
  return ways;
};

/** How often the true median lies between the `skipped + 1`st smallest and largest of n measurements (sign test). */
const coverage = (n: number, skipped: number): number => {
  let outside = 0;
  for (let below = 0; below <= skipped; below += 1) outside += choose(n, below);
  return 1 - (2 * outside) / 2 ** n;
};

/**
 * The ratio in each round, and its median's interval by order statistics: no assumption on how rounds are spread. It is the
 * narrowest with 95 % confidence, or from the least to the greatest round where that is less.
 */
export const pairedRatio = (mine: readonly number[], theirs: readonly number[]): PairedRatio => {
  const ratios = mine.flatMap((value, round) => {
    const other = theirs[round];
    return other === undefined ? [] : [value / other];
  });
  const sorted = [...ratios].sort((left, right) => left - right);
  let skipped = 0;
  while (2 * (skipped + 2) <= sorted.length && coverage(sorted.length, skipped + 1) >= CONFIDENCE)
    skipped += 1;
  return {
    median: median(ratios),
    low: sorted[skipped] ?? Number.NaN,
    high: sorted[sorted.length - 1 - skipped] ?? Number.NaN,
    confidence: coverage(sorted.length, skipped),
  };
};

/** A wider interval than this says nothing: a bar that it touches is missed. */
const WIDEST = 0.1;

/** Whether the ratio reaches `least`: its median does, or rounds that agree on it cannot tell it from `least`. */
export const reaches = ({ median: middle, low, high }: PairedRatio, least: number): boolean =>
  middle >= least || (high >= least && high - low <= WIDEST * least);

/** `1.02 (0.99 to 1.05)`. */
export const describeRatio = ({ median: middle, low, high }: PairedRatio): string =>
  `${middle.toFixed(3)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
