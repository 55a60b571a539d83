/** `FIGURES=1 node --test src/core/liveness/pairs.test.ts` prints how many sessions large clusters keep. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { integerBetween, seededRandom } from "#testing/random";
import { DEFAULT_PAIRS, type PairsConfig } from "./config.ts";
import { allPeers, type Cluster, peersOf } from "./pairs.ts";

const names = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `node-${index}`);

/** The first candidates of many addresses, drawn: the default order by a hash spreads them no differently. */
const drawn = (nodes: number, addresses: number): Cluster => {
  const random = seededRandom(9);
  const members = names(nodes);
  const placements = Array.from({ length: addresses }, () => {
    const first = new Set<string>();
    while (first.size < DEFAULT_PAIRS.depth) first.add(members[integerBetween(random, 0, nodes - 1)] ?? "");
    return { candidates: [...first] };
  });
  return { members, placements };
};

/** Any cluster: the order of candidates is random, which is what a hash makes of it. */
const clusters = fc
  .record({ nodes: fc.integer({ min: 1, max: 40 }), seeds: fc.array(fc.nat(), { maxLength: 60 }) })
  .map(({ nodes, seeds }): Cluster => {
    const members = names(nodes);
    const placements = seeds.map((seed) => {
      const start = seed % nodes;
      const stride = 1 + (seed % 7);
      return { candidates: members.map((_, index) => members[(start + index * stride) % nodes] ?? "") };
    });
    return { members, placements };
  });
const configs: fc.Arbitrary<PairsConfig> = fc.record({
  fullMeshMembers: fc.integer({ min: 2, max: 5 }),
  maximumSessions: fc.integer({ min: 4, max: 9 }),
  depth: fc.integer({ min: 2, max: 4 }),
});

describe("the pairs that keep sessions", () => {
  it("are all pairs of a small cluster", () => {
    const members = names(DEFAULT_PAIRS.fullMeshMembers);
    for (const member of members) {
      const expected = members.filter((other) => other !== member).sort();
      assert.deepEqual(peersOf(member, { members, placements: [] }, DEFAULT_PAIRS), expected);
    }
    assert.deepEqual(peersOf("stranger", { members, placements: [] }, DEFAULT_PAIRS), []);
  });

  it("are those among the first candidates of an address in a large one", () => {
    const cluster = {
      members: names(17),
      placements: [{ candidates: ["node-3", "node-9", "node-1", "node-2"] }],
    };
    assert.deepEqual(peersOf("node-3", cluster, DEFAULT_PAIRS), ["node-1", "node-9"]);
    assert.deepEqual(peersOf("node-2", cluster, DEFAULT_PAIRS), []);
  });

  it("leave out candidates that are no members, and take nobody in their place", () => {
    const cluster = {
      members: names(17),
      placements: [{ candidates: ["gone", "node-9", "node-1", "node-2"] }],
    };
    assert.deepEqual(peersOf("node-9", cluster, DEFAULT_PAIRS), ["node-1"]);
    assert.deepEqual(peersOf("node-2", cluster, DEFAULT_PAIRS), []);
  });

  it("prefer a first and a second candidate when a node could keep too many", () => {
    const config = { fullMeshMembers: 2, maximumSessions: 1, depth: 3 };
    const cluster = { members: ["a", "b", "c"], placements: [{ candidates: ["a", "b", "c"] }] };
    assert.deepEqual(peersOf("a", cluster, config), ["b"]);
    assert.deepEqual(peersOf("c", cluster, config), []);
  });

  it("are the same from both ends, and never more than the bound", () => {
    fc.assert(
      fc.property(clusters, configs, (cluster, config) => {
        const all = allPeers(cluster, config);
        for (const member of cluster.members) {
          const peers = peersOf(member, cluster, config);
          assert.deepEqual([...(all.get(member) ?? [])].sort(), peers);
          const limit = Math.max(config.maximumSessions, config.fullMeshMembers - 1);
          assert.ok(peers.length <= limit);
          for (const peer of peers) assert.ok(all.get(peer)?.has(member), `${member} and ${peer}`);
        }
      }),
    );
  });

  it("change only for candidates of the address that changes, where there is room for all", () => {
    fc.assert(
      fc.property(clusters, (cluster) => {
        const config = { fullMeshMembers: 2, maximumSessions: 1_000, depth: 3 };
        const [changed, ...others] = cluster.placements;
        if (changed === undefined || cluster.members.length < 3) return;
        const before = allPeers(cluster, config);
        const now = allPeers({ ...cluster, placements: others }, config);
        for (const member of cluster.members) {
          if (changed.candidates.slice(0, config.depth).includes(member)) continue;
          assert.deepEqual(now.get(member), before.get(member));
        }
      }),
    );
  });
});

describe("a cluster of 1,000 nodes", () => {
  /** What the decision record says; a change of the rules must change it, too. */
  const rows = [
    { addresses: 1_000, mean: 6, maximum: 24, watchedHolders: 1, fullyWatched: 1 },
    { addresses: 10_000, mean: 30, maximum: 32, watchedHolders: 0.999, fullyWatched: 0.01 },
  ];
  for (const { addresses, ...bounds } of rows) {
    it(`with ${addresses} addresses keeps at most ${bounds.maximum} sessions a node`, () => {
      const cluster = drawn(1_000, addresses);
      const all = allPeers(cluster, DEFAULT_PAIRS);
      const counts = cluster.members.map((member) => all.get(member)?.size ?? 0);
      const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
      const maximum = Math.max(...counts);
      const keeps = (one = "", other = "") => all.get(one)?.has(other) === true;
      const share = (holds: (candidates: readonly string[]) => boolean) =>
        [...cluster.placements].filter(({ candidates }) => holds(candidates)).length / addresses;
      const watchedHolders = share(([a, b]) => keeps(a, b));
      const fullyWatched = share(([a, b, c]) => keeps(a, b) && keeps(a, c) && keeps(b, c));
      if (process.env.FIGURES !== undefined) {
        console.log({ addresses, mean, maximum, watchedHolders, fullyWatched });
      }
      assert.ok(maximum <= bounds.maximum, `${maximum}`);
      assert.ok(mean <= bounds.mean, `${mean}`);
      assert.ok(watchedHolders >= bounds.watchedHolders, `${watchedHolders}`);
      assert.ok(fullyWatched >= bounds.fullyWatched, `${fullyWatched}`);
    });
  }
});
