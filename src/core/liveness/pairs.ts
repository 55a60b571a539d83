/**
 * Between whom BFD sessions are kept.
 *
 * A small cluster is a full mesh. In a large one sessions follow need: the first few candidates of an address watch one
 * another, since one of them holds it and the others may have to take it. A node may be among the first of more addresses
 * than it can keep sessions for. Then each node ranks those it has to do with, and a session is kept where each end is
 * among the other's `maximumSessions` best: both ends compute both rankings from the same placements, so they agree without
 * talking, no node exceeds the bound, and a change of one address moves only sessions of its own candidates.
 *
 * First in a ranking come the pairs of a first and a second candidate, for these decide how a single death ends; then
 * those of a first and a third, and so on; among equals the pair that more addresses need.
 *
 * While a change of placements is on its way, one end may want a session that the other does not. The other should answer
 * as BFD's passive role does (RFC 5880 §6.1) if the stranger is a member, within twice its bound.
 */
import { at } from "#base/assert";
import type { PairsConfig } from "./config.ts";

/** Who may hold an address, in order of preference. */
export type Ranked = { readonly candidates: readonly string[] };

/** Who takes part: names of all members, and the placements of all addresses. */
export type Cluster = { readonly members: readonly string[]; readonly placements: Iterable<Ranked> };

/** What one node wants of another: lower is more urgent. */
type Need = {
  /** Position of the pair in an address's list: 0 for first and second candidate. */
  readonly urgency: number;
  /** How many addresses need the pair with that urgency. */
  readonly addresses: number;
};

/** By member, whom it has to do with and how much. */
type Needs = ReadonlyMap<string, ReadonlyMap<string, Need>>;

const moreUrgent = (before: Need | undefined, urgency: number): Need => {
  if (before === undefined || urgency < before.urgency) return { urgency, addresses: 1 };
  if (urgency > before.urgency) return before;
  return { urgency, addresses: before.addresses + 1 };
};

/** The pairs of the first `depth` candidates: (0,1), (0,2), (1,2), (0,3)...: the number is their urgency. */
const urgencyOf = (former: number, latter: number): number => (latter * (latter - 1)) / 2 + former;

const needsOf = ({ members, placements }: Cluster, depth: number): Needs => {
  const needs = new Map<string, Map<string, Need>>(members.map((member) => [member, new Map()]));
  for (const { candidates } of placements) {
    // Candidates that are no members have no address to send packets to.
    const first = candidates.slice(0, depth).filter((candidate) => needs.has(candidate));
    for (let latter = 1; latter < first.length; latter += 1) {
      for (let former = 0; former < latter; former += 1) {
        const one = at(first, former);
        const other = at(first, latter);
        const ofOne = needs.get(one);
        if (one === other || ofOne === undefined) continue;
        const need = moreUrgent(ofOne.get(other), urgencyOf(former, latter));
        ofOne.set(other, need);
        needs.get(other)?.set(one, need);
      }
    }
  }
  return needs;
};

/** FNV-1a: spreads what is left to chance evenly, and equally on every node. */
const scatter = (text: string): number => {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0;
  }
  return hash;
};

const pairName = (one: string, other: string): string =>
  one < other ? `${one} ${other}` : `${other} ${one}`;

/** The best of a node's ranking. */
const bestOf = (node: string, needs: ReadonlyMap<string, Need>, limit: number): ReadonlySet<string> => {
  if (needs.size <= limit) return new Set(needs.keys());
  const ranked = [...needs].map(([peer, need]) => ({ peer, ...need, dice: scatter(pairName(node, peer)) }));
  ranked.sort((a, b) => a.urgency - b.urgency || b.addresses - a.addresses || a.dice - b.dice);
  return new Set(ranked.slice(0, limit).map(({ peer }) => peer));
};

const isSmall = ({ members }: Cluster, { fullMeshMembers }: PairsConfig): boolean =>
  members.length <= fullMeshMembers;

/** By member, the names of those with which it keeps sessions. */
export const allPeers = (cluster: Cluster, config: PairsConfig): ReadonlyMap<string, ReadonlySet<string>> => {
  const { members } = cluster;
  if (isSmall(cluster, config)) {
    return new Map(members.map((member) => [member, new Set(members.filter((other) => other !== member))]));
  }
  const best = new Map<string, ReadonlySet<string>>();
  for (const [member, needs] of needsOf(cluster, config.depth)) {
    best.set(member, bestOf(member, needs, config.maximumSessions));
  }
  const isMutual = (one: string, other: string) => best.get(other)?.has(one) === true;
  return new Map(
    [...best].map(([member, wanted]) => [
      member,
      new Set([...wanted].filter((other) => isMutual(member, other))),
    ]),
  );
};

/** The names of those with which `self` keeps sessions, in order. */
export const peersOf = (self: string, cluster: Cluster, config: PairsConfig): readonly string[] => {
  if (isSmall(cluster, config)) {
    return cluster.members.includes(self) ? cluster.members.filter((other) => other !== self).sort() : [];
  }
  const needs = needsOf(cluster, config.depth);
  const limit = config.maximumSessions;
  const mine = bestOf(self, needs.get(self) ?? new Map(), limit);
  return [...mine].filter((peer) => bestOf(peer, needs.get(peer) ?? new Map(), limit).has(self)).sort();
};
