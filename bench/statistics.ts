/** What a handful of measurements says. Medians and nearest ranks: no interpolation, every figure was measured. */

/** The order statistics that the tables show. */
export type Summary = {
  readonly count: number;
  readonly min: number;
  readonly median: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
};

/** The value below or at which that share (0..1) of the measurements lies, by nearest rank; NaN for none. */
export const quantile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = Math.max(1, Math.ceil(share * sorted.length));
  return sorted[rank - 1] ?? Number.NaN;
};

/** The middle measurement, the lower of the two for an even count; NaN for none. */
export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** All of them at once; every figure is NaN for no measurements. */
export const summarize = (values: readonly number[]): Summary => ({
  count: values.length,
  min: quantile(values, 0),
  median: median(values),
  p90: quantile(values, 0.9),
  p99: quantile(values, 0.99),
  max: quantile(values, 1),
});

/**
 * Shares of a whole, evenly spread and each different: 0.5/n, 1.5/n, ... in an order in which any beginning is spread
 * as well. Faults at these points of an advertisement interval meet every program at the same points.
 */
export const spread = (count: number): readonly number[] => {
  const golden = (Math.sqrt(5) - 1) / 2;
  const order = Array.from({ length: count }, (_, index) => ({ index, key: (index * golden) % 1 }));
  const rankByIndex = new Map(
    [...order].sort((a, b) => a.key - b.key).map(({ index }, rank) => [index, rank]),
  );
  return order.map(({ index }) => ((rankByIndex.get(index) ?? 0) + 0.5) / count);
};
