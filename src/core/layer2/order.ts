/**
 * The order in which candidates answer for an address.
 *
 * Who lacks nothing first, then who is in a better state, then who is preferred, then by SHA-256 over `node#address`, the
 * smaller digest first, as MetalLB has it. Of a thousand candidates only the first few are kept; when the set changes by a
 * few nodes, only those are hashed.
 */
import type { IpAddress } from "#base/address";
import { at } from "#base/assert";
import type { Candidate, CandidateSet } from "./candidate.ts";
import { isSameList } from "./entry.ts";
import { createSha256, type Sha256 } from "./sha256.ts";

/** As many are listed with a placement. */
export const LISTED = 8;
/** As many are kept in order, so that a few can go before all must be hashed again. */
const KEPT = 2 * LISTED;

/** The first candidates of a set in the order for one address: all of them, or at least `LISTED`. */
export type Ranking = {
  readonly set: CandidateSet;
  readonly first: readonly Candidate[];
  /** Of each of them, the first 52 bits of the digest. */
  readonly digests: readonly number[];
};

type Ranked = { readonly candidate: Candidate; readonly digest: number };

/** Lists of candidates that are remembered, so that others like them become the same: those of few nodes have few orders. */
const MOST_LISTS = 64;

/** What changed between two sets, by node. */
type Change = { readonly node: string; readonly after: Candidate | undefined };

/** All that changed between two sets. */
type Difference = { readonly changes: readonly Change[]; readonly nodes: ReadonlySet<string> };

const differenceOf = (before: CandidateSet, after: CandidateSet): Difference => {
  const left = new Map(before.candidates.map((candidate) => [candidate.node, candidate]));
  const changes: Change[] = [];
  for (const candidate of after.candidates) {
    if (left.get(candidate.node)?.key !== candidate.key)
      changes.push({ node: candidate.node, after: candidate });
    left.delete(candidate.node);
  }
  for (const node of left.keys()) changes.push({ node, after: undefined });
  return { changes, nodes: new Set(changes.map(({ node }) => node)) };
};

/** Puts candidates in order. `effort` counts the digests. */
export class Orderer {
  readonly effort: { steps: number };
  readonly #sha256: Sha256 = createSha256();
  /** Thousands of addresses go from one set to the same other one. */
  #last:
    | { readonly before: CandidateSet; readonly after: CandidateSet; readonly difference: Difference }
    | undefined;
  #lists: (readonly Candidate[])[] = [];

  constructor(effort: { steps: number } = { steps: 0 }) {
    this.effort = effort;
  }

  /** The order from scratch. */
  rank(set: CandidateSet, lead: IpAddress): Ranking {
    const best: Ranked[] = [];
    for (const candidate of set.candidates) {
      const one = this.#ranked(candidate, lead);
      if (best.length === KEPT && this.#compare(one, at(best, KEPT - 1), lead) > 0) continue;
      const place = best.findIndex((other) => this.#compare(one, other, lead) < 0);
      best.splice(place < 0 ? best.length : place, 0, one);
      if (best.length > KEPT) best.pop();
    }
    return this.#rankingOf(set, best);
  }

  /** The order after the set has changed. */
  rerank(ranking: Ranking, set: CandidateSet, lead: IpAddress): Ranking {
    if (ranking.set === set) return ranking;
    const wasWhole = ranking.first.length === ranking.set.candidates.length;
    const { changes, nodes } = this.#difference(ranking.set, set);
    if (changes.length > KEPT && changes.length * 4 > set.candidates.length) return this.rank(set, lead);
    const kept = ranking.first.map((candidate, index) => ({ candidate, digest: at(ranking.digests, index) }));
    const stayed = kept.filter(({ candidate }) => !nodes.has(candidate.node));
    const last = stayed.at(-1);
    const came = changes
      .flatMap(({ after }) => (after === undefined ? [] : [this.#ranked(after, lead)]))
      // Behind the last that stayed, others may stand that are not kept.
      .filter((one) => wasWhole || (last !== undefined && this.#compare(one, last, lead) < 0));
    if (came.length === 0 && stayed.length === kept.length) return { ...ranking, set };
    const first = [...stayed, ...came].sort((left, right) => this.#compare(left, right, lead));
    const isEnough = first.length >= Math.min(LISTED, set.candidates.length);
    return isEnough ? this.#rankingOf(set, first) : this.rank(set, lead);
  }

  /** All candidates of a set, in order. */
  all({ candidates }: CandidateSet, lead: IpAddress): readonly Candidate[] {
    return this.#sorted(candidates, lead).map(({ candidate }) => candidate);
  }

  /** The digest that a candidate is ordered by, as a number that orders almost always as the whole one does. */
  digestOf(node: string, lead: IpAddress): number {
    this.effort.steps += 1;
    const words = this.#sha256.digest(`${node}#${lead}`);
    return (at(words, 0) >>> 0) * 0x10_0000 + (at(words, 1) >>> 12);
  }

  #rankingOf(set: CandidateSet, ranked: readonly Ranked[]): Ranking {
    const kept = ranked.slice(0, KEPT);
    const first = this.#shared(kept.map(({ candidate }) => candidate));
    return { set, first, digests: kept.map(({ digest }) => digest) };
  }

  #shared(list: readonly Candidate[]): readonly Candidate[] {
    const known = this.#lists.find((each) => isSameList(each, list));
    if (known !== undefined) return known;
    if (this.#lists.length === MOST_LISTS) this.#lists = [];
    this.#lists.push(list);
    return list;
  }

  #difference(before: CandidateSet, after: CandidateSet): Difference {
    if (this.#last?.before !== before || this.#last.after !== after)
      this.#last = { before, after, difference: differenceOf(before, after) };
    return this.#last.difference;
  }

  #ranked(candidate: Candidate, lead: IpAddress): Ranked {
    return { candidate, digest: this.digestOf(candidate.node, lead) };
  }

  #sorted(candidates: readonly Candidate[], lead: IpAddress): readonly Ranked[] {
    return candidates
      .map((candidate) => this.#ranked(candidate, lead))
      .sort((left, right) => this.#compare(left, right, lead));
  }

  #compare(left: Ranked, right: Ranked, lead: IpAddress): number {
    const byState =
      left.candidate.lacks - right.candidate.lacks ||
      left.candidate.grade - right.candidate.grade ||
      right.candidate.preference - left.candidate.preference ||
      left.digest - right.digest;
    return byState || this.#compareWhole(left.candidate.node, right.candidate.node, lead);
  }

  #compareWhole(left: string, right: string, lead: IpAddress): number {
    if (left === right) return 0;
    const words = this.#sha256.digest(`${left}#${lead}`).slice();
    const others = this.#sha256.digest(`${right}#${lead}`);
    const index = words.findIndex((word, position) => word !== others[position]);
    return index < 0 ? 0 : (at(words, index) >>> 0) - (at(others, index) >>> 0);
  }
}
