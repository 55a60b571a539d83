/** From addresses with their candidates and recorded holders to what the even spread works on. */
import type { IpAddress } from "#base/address";
import { assert } from "#base/assert";
import type { Candidate, CandidateSet } from "./candidate.ts";
import type { Orderer, Ranking } from "./order.ts";
import { type Item, spread } from "./spread.ts";

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
  for (const { node } of ranking.first) if (takers.has(node)) yield node;
  if (ranking.first.length === ranking.set.candidates.length) return;
  const rest = orderer.all(ranking.set, lead).slice(ranking.first.length);
  for (const { node } of rest) if (takers.has(node)) yield node;
}

/** The recorded holders that may go on, in MetalLB's order: more than one while a new one has written and an old one not deleted. */
const homesOf = ({ lead, recorded }: Leader, { keepers }: Best, orderer: Orderer): readonly string[] => {
  const homes = recorded.filter((node) => keepers.has(node));
  if (homes.length <= 1) return homes;
  return homes
    .map((node) => ({ node, digest: orderer.digestOf(node, lead) }))
    .sort((left, right) => left.digest - right.digest)
    .map(({ node }) => node);
};

/**
 * Spreads addresses: for each, the nodes that come before all others. The first is the one that is to hold it; those after it are
 * recorded holders, which so go on in case that the first is dead and nobody has noticed but its peers. Addresses without candidates are not among the results.
 */
export const spreadLeaders = (
  leaders: readonly Leader[],
  slack: number,
  orderer: Orderer,
): ReadonlyMap<string, readonly string[]> => {
  const bestBySet = new Map<CandidateSet, Best>();
  const homesById = new Map<string, readonly string[]>();
  const items: Item[] = [];
  for (const leader of leaders) {
    const { lead, ranking } = leader;
    const best = bestBySet.get(ranking.set) ?? bestOf(ranking.set);
    bestBySet.set(ranking.set, best);
    if (best.takers.size === 0) continue;
    const homes = homesOf(leader, best, orderer);
    const [home] = homes;
    homesById.set(lead, homes);
    items.push({
      id: lead,
      takers: best.takers,
      home,
      preference: () => inOrder(leader, best.takers, orderer),
      attachment: () => orderer.digestOf(home ?? "", lead),
    });
  }
  const { nodeById } = spread(items, slack);
  const alone = new Map<string, readonly string[]>();
  const fronts = new Map<string, readonly string[]>();
  for (const { id } of items) {
    const node = nodeById.get(id);
    assert(node !== undefined, "every address is spread", { id });
    const others = (homesById.get(id) ?? []).filter((home) => home !== node);
    const front = others.length > 0 ? [node, ...others] : (alone.get(node) ?? [node]);
    if (others.length === 0) alone.set(node, front);
    fronts.set(id, front);
  }
  return fronts;
};
