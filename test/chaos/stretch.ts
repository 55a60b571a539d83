/** Stretches of time, in milliseconds since 1970. */
export type Stretch = { readonly from: number; readonly to: number };

/** Whether they have a moment in common. */
export const meets = (stretch: Stretch, other: Stretch): boolean =>
  stretch.from <= other.to && stretch.to >= other.from;

/** What is left of a stretch without others. */
export const without = (stretch: Stretch, others: readonly Stretch[]): readonly Stretch[] =>
  others.reduce<readonly Stretch[]>(
    (pieces, other) =>
      pieces.flatMap((piece) =>
        [
          { from: piece.from, to: Math.min(piece.to, other.from) },
          { from: Math.max(piece.from, other.to), to: piece.to },
        ].filter(({ from, to }) => to > from),
      ),
    [stretch],
  );

/** How long they are together. */
export const length = (stretches: readonly Stretch[]): number =>
  stretches.reduce((sum, { from, to }) => sum + to - from, 0);

/** One edge had the address; `to` is Infinity while it has it. */
export type Tenure = Stretch & { readonly host: string };

/** Stretches in which several edges had it. */
export const overlapsIn = (tenures: readonly Tenure[], now: number): readonly Stretch[] =>
  tenures.flatMap((tenure, index) =>
    tenures.slice(index + 1).flatMap((other) => {
      const from = Math.max(tenure.from, other.from);
      const to = Math.min(tenure.to, other.to, now);
      return to > from ? [{ from, to }] : [];
    }),
  );

/** Stretches between the first tenure and `now` in which nobody had it. */
export const vacanciesIn = (tenures: readonly Tenure[], now: number): readonly Stretch[] => {
  const first = Math.min(...tenures.map(({ from }) => from));
  return Number.isFinite(first) && first < now ? without({ from: first, to: now }, tenures) : [];
};

/** Pauses between two of these moments that are longer than `least`. */
export const pausesIn = (moments: readonly number[], least: number): readonly Stretch[] =>
  moments.flatMap((from, index) => {
    const to = moments[index + 1];
    return to !== undefined && to - from > least ? [{ from, to }] : [];
  });
