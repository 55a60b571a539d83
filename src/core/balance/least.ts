/**
 * Least connections, dealt in advance: the next flows go, one after the other, to whoever has the fewest open ones for
 * its weight by then, as far as we know.
 *
 * The kernel does not count flows by backend for nftables. So they are counted every now and then, and the cycle that
 * new flows are counted through is dealt anew from what was open. Between two counts the cycle repeats.
 */

/** A backend as it is dealt to. */
export type LeastMember = {
  readonly name: string;
  /** 0..256; 0 takes no new flows. */
  readonly weight: number;
  readonly available: boolean;
  /** Open flows when they were last counted. */
  readonly load: number;
};

const SHORTEST_DEAL = 16;
const LONGEST_DEAL = 4096;

/** How many entries the deal over these configured backends has, whichever of them are healthy. */
const dealLength = (members: readonly LeastMember[]): number =>
  members.length === 0 ? 0 : Math.min(Math.max(members.length * 2, SHORTEST_DEAL), LONGEST_DEAL);

/** The deal: entry i names the backend of every flow whose number is i modulo the length; `undefined`: nobody. */
export const dealLeast = (members: readonly LeastMember[]): readonly (string | undefined)[] => {
  const takers = members
    .filter(({ available, weight }) => available && weight > 0)
    .map(({ name, weight, load }) => ({ name, weight, load }));
  return Array.from({ length: dealLength(members) }, () => {
    let least: (typeof takers)[number] | undefined;
    for (const taker of takers) {
      if (least === undefined || (taker.load + 1) * least.weight < (least.load + 1) * taker.weight)
        least = taker;
    }
    if (least !== undefined) least.load += 1;
    return least?.name;
  });
};
