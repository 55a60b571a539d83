/** From addresses with their candidates and recorded holders to what the even spread works on. */
import type { IpAddress } from "#base/address";
import type { Candidate, CandidateSet } from "./candidate.ts";
import type { Orderer, Ranking } from "./order.ts";
import { type Item, type Spread, spread } from "./spread.ts";

/** An address to be spread, with those that follow it. */
export type Leader = {
  readonly lead: IpAddress;
  readonly ranking: Ranking;
  /** Nodes recorded as holders of Services on it. */
  readonly recorded: readonly string[];
};

/** The best candidates of a set, between which the spread chooses; the others only come after them. */
type Best = { readonly takers: ReadonlySet<string>; readonly keepers: ReadonlySet<string> };

const isBetter = (left: Candidate, right: Candidate): boolean =>
  (left.lacks - right.lacks || left.grade - right.grade || right.preference - left.preference) < 0;

const bestOf = ({ candidates }: CandidateSet): Best => {
  let best: Candidate[] = [];
  for (const candidate of candidates) {
    const [one] = best;
    if (one === undefined || isBetter(candidate, one)) best = [candidate];
    else if (!isBetter(one, candidate)) best.push(candidate);
  }
  const keepers = new Set(best.map(({ node }) => node));
  const takers = new Set(best.filter(({ intake }) => intake === "open").map(({ node }) => node));
  return { takers: takers.size === 0 ? keepers : takers, keepers };
};

function* inOrder(
  { lead, ranking }: Leader,
  takers: ReadonlySet<string>,
  orderer: Orderer,
): Iterable<string> {
  const first = new Set(ranking.first.map(({ node }) => node));
  for (const node of first) if (takers.has(node)) yield node;
  if (first.size === ranking.set.candidates.length) return;
  for (const { node } of orderer.all(ranking.set, lead)) if (!first.has(node) && takers.has(node)) yield node;
}

/** Spreads addresses; those without candidates are not among the results. */
export const spreadLeaders = (leaders: readonly Leader[], slack: number, orderer: Orderer): Spread => {
  const bestBySet = new Map<CandidateSet, Best>();
  const items = leaders.flatMap((leader): readonly Item[] => {
    const { lead, ranking } = leader;
    const best = bestBySet.get(ranking.set) ?? bestOf(ranking.set);
    bestBySet.set(ranking.set, best);
    if (best.takers.size === 0) return [];
    const homes = leader.recorded.filter((node) => best.keepers.has(node));
    const home =
      homes.length <= 1
        ? homes[0]
        : homes.reduce((one, other) =>
            orderer.digestOf(other, lead) < orderer.digestOf(one, lead) ? other : one,
          );
    return [
      {
        id: lead,
        takers: best.takers,
        home,
        preference: () => inOrder(leader, best.takers, orderer),
        attachment: () => orderer.digestOf(home ?? "", lead),
      },
    ];
  });
  return spread(items, slack);
};
