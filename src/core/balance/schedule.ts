/**
 * Round robin and weighted round robin as a fixed cycle of choices that the kernel counts through.
 *
 * The cycle is smooth: with weights 5, 1, 1 it is a a b a c a a, not a a a a a b c (the method nginx made known:
 * everyone gains its weight, the richest is chosen and pays the sum).
 *
 * The length of the cycle depends on the configured backends only, never on which of them are healthy, so that a
 * health change replaces entries and leaves the rules alone. It is a multiple of the sum of the weights, so shares
 * are exact while all are available; when some are not, they are exact to one flow in a cycle.
 */

/** A backend as the cycle sees it. */
export type CycleMember = {
  readonly name: string;
  /** 0..256; 0 takes no new flows. */
  readonly weight: number;
  readonly available: boolean;
};

const SHORTEST_CYCLE = 240;
const LONGEST_CYCLE = 4096;

const greatestDivisor = (left: number, right: number): number =>
  right === 0 ? left : greatestDivisor(right, left % right);

/** How many entries the cycle over these configured backends has: 240..4096 if weights allow; 0 for none. */
export const cycleLength = (members: readonly Pick<CycleMember, "weight">[]): number => {
  const weights = members.map((member) => member.weight).filter((weight) => weight > 0);
  if (weights.length === 0) return members.length === 0 ? 0 : SHORTEST_CYCLE;
  const divisor = weights.reduce(greatestDivisor);
  const total = weights.reduce((sum, weight) => sum + weight / divisor, 0);
  if (total > LONGEST_CYCLE) return LONGEST_CYCLE;
  return total * Math.ceil(SHORTEST_CYCLE / total);
};

/** The cycle: entry i names the backend of every flow whose number is i modulo the length; `undefined`: nobody. */
export const buildCycle = (
  members: readonly CycleMember[],
  length: number,
): readonly (string | undefined)[] => {
  const takers = members
    .filter((member) => member.available && member.weight > 0)
    .map(({ name, weight }) => ({ name, weight, credit: 0 }))
    .sort((left, right) => right.weight - left.weight || (left.name < right.name ? -1 : 1));
  const total = takers.reduce((sum, taker) => sum + taker.weight, 0);
  return Array.from({ length }, () => {
    let richest: (typeof takers)[number] | undefined;
    for (const taker of takers) {
      taker.credit += taker.weight;
      if (richest === undefined || taker.credit > richest.credit) richest = taker;
    }
    if (richest !== undefined) richest.credit -= total;
    return richest?.name;
  });
};
