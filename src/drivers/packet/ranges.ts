/** Few ranges that hold many 32-bit numbers. */

/** From `low` to `high`, both included. */
export type Range = { readonly low: number; readonly high: number };

/** The numbers as ranges without gaps, in their order. */
const runsOf = (sorted: Uint32Array): readonly Range[] => {
  const runs: { low: number; high: number }[] = [];
  let last: { low: number; high: number } | undefined;
  for (const value of sorted) {
    if (last !== undefined && value <= last.high + 1) last.high = value;
    else {
      last = { low: value, high: value };
      runs.push(last);
    }
  }
  return runs;
};

/** The gap size up to which runs must be joined so that at most `most` are left, and how many gaps of just that size. */
const gapLimit = (
  runs: readonly Range[],
  most: number,
): { readonly below: number; readonly atLimit: number } => {
  const gaps = new Uint32Array(runs.length - 1);
  for (let index = 1; index < runs.length; index += 1) {
    gaps[index - 1] = (runs[index]?.low ?? 0) - (runs[index - 1]?.high ?? 0);
  }
  gaps.sort();
  const closed = runs.length - most;
  const below = gaps[closed - 1] ?? 0;
  return { below, atLimit: closed - gaps.indexOf(below) };
};

/**
 * At most `most` ranges that hold every value: exactly these if they lie in few runs, else with the smallest gaps between
 * them, in order. `most` is at least 1.
 */
export const coveringRanges = (values: Uint32Array, most: number): readonly Range[] => {
  const runs = runsOf(values.toSorted());
  if (runs.length <= most) return runs;
  const { below, atLimit } = gapLimit(runs, most);
  let left = atLimit;
  const ranges: Range[] = [];
  for (const run of runs) {
    const last = ranges.at(-1);
    const gap = last === undefined ? Number.POSITIVE_INFINITY : run.low - last.high;
    const joins = gap < below || (gap === below && left > 0);
    if (last === undefined || !joins) ranges.push(run);
    else {
      if (gap === below) left -= 1;
      ranges[ranges.length - 1] = { low: last.low, high: run.high };
    }
  }
  return ranges;
};
