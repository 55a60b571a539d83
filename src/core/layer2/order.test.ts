import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { IpAddress } from "#base/address";
import { type Candidate, CandidateSets, candidateOf } from "./candidate.ts";
import { LISTED, Orderer } from "./order.ts";

const candidate = (node: string, overrides: Partial<Candidate> = {}): Candidate =>
  candidateOf({
    node,
    interfaces: "all",
    lacks: 0,
    grade: 0,
    preference: 0,
    intake: "open",
    ...overrides,
  });

const setOf = (candidates: readonly Candidate[]) => new CandidateSets().take(candidates);
const nodesOf = (candidates: readonly Candidate[]): readonly string[] => candidates.map(({ node }) => node);
const order = (nodes: readonly string[], lead: string): readonly string[] =>
  nodesOf(new Orderer().all(setOf(nodes.map((node) => candidate(node))), lead as IpAddress));

/**
 * Made with Python, and the same as the winners of MetalLB's own TestSortL2Candidates:
 *
 *     python3 -c 'import hashlib, sys; ip, *nodes = sys.argv[1:]
 *     print(*sorted(nodes, key=lambda node: hashlib.sha256(f"{node}#{ip}".encode()).digest()))' 10.0.0.1 node-a node-b node-c
 */
const GOLDEN: readonly (readonly [string, readonly string[]])[] = [
  ["10.0.0.1", ["node-b", "node-a", "node-c"]],
  ["10.0.0.2", ["node-b", "node-c", "node-a"]],
  ["10.20.30.1", ["node-b", "node-c", "node-a"]],
  ["10.20.30.2", ["node-c", "node-a", "node-b"]],
  ["10.20.30.3", ["node-a", "node-c", "node-b"]],
  ["fc00::1", ["node-b", "node-c", "node-a"]],
  ["1000::1", ["node-a", "node-b", "node-c"]],
  ["10.20.30.1", ["iris3", "iris2", "iris1"]],
  ["10.20.30.2", ["iris1", "iris2", "iris3"]],
  ["192.168.10.0", ["iris2", "iris3", "iris1"]],
];

/** The same, for `worker-0.rack0.example.net` to `worker-11.rack2.example.net`. */
const GOLDEN_WORKERS: readonly (readonly [string, readonly number[]])[] = [
  ["192.0.2.10", [3, 4, 5, 6, 10, 1, 0, 2, 11, 9, 8, 7]],
  ["2001:db8::10", [7, 4, 8, 6, 9, 2, 3, 0, 10, 5, 11, 1]],
  ["198.51.100.255", [5, 10, 11, 4, 1, 6, 2, 8, 3, 9, 7, 0]],
];

/** Any set of up to 40 nodes in whatever state. */
const anyCandidates = fc
  .uniqueArray(fc.record({ name: fc.nat(60), grade: fc.nat(2), preference: fc.nat(2), lacks: fc.nat(1) }), {
    selector: ({ name }) => name,
    maxLength: 40,
  })
  .map((drawn) =>
    drawn
      .map(({ name, ...state }) => candidate(`n${name}`, state))
      .sort((left, right) => (left.node < right.node ? -1 : 1)),
  );

describe("the order of candidates", () => {
  for (const [lead, nodes] of GOLDEN) {
    it(`is MetalLB's for ${lead} among ${nodes.toSorted().join(", ")}`, () => {
      assert.deepEqual(order(nodes.toSorted(), lead), nodes);
    });
  }

  for (const [lead, indices] of GOLDEN_WORKERS) {
    it(`is MetalLB's for ${lead} among twelve nodes with longer names`, () => {
      const workers = Array.from(
        { length: 12 },
        (_, index) => `worker-${index}.rack${index % 3}.example.net`,
      );
      assert.deepEqual(
        order(workers.toSorted(), lead),
        indices.map((index) => workers[index]),
      );
    });
  }

  it("asks what a node lacks, then its state, then preferences, and the digest last", () => {
    const set = setOf([
      candidate("node-a", { grade: 2, preference: 100 }),
      candidate("node-b", { lacks: 1, preference: 100 }),
      candidate("node-c"),
      candidate("node-d", { preference: 7 }),
      candidate("node-e", { grade: 1 }),
    ]);
    assert.deepEqual(nodesOf(new Orderer().all(set, "10.0.0.1" as IpAddress)), [
      "node-d",
      "node-c",
      "node-e",
      "node-a",
      "node-b",
    ]);
  });

  it("is the same whether computed from scratch or from an order before, however the set has changed", () => {
    fc.assert(
      fc.property(fc.array(anyCandidates, { minLength: 1, maxLength: 6 }), (history) => {
        const lead = "192.0.2.10" as IpAddress;
        const orderer = new Orderer();
        let ranking = orderer.rank(setOf([]), lead);
        for (const candidates of history) {
          const set = setOf(candidates);
          ranking = orderer.rerank(ranking, set, lead);
          const whole = new Orderer().all(set, lead);
          assert.ok(ranking.first.length >= Math.min(LISTED, candidates.length));
          assert.deepEqual(nodesOf(ranking.first), nodesOf(whole).slice(0, ranking.first.length));
          assert.deepEqual(ranking.first, whole.slice(0, ranking.first.length));
        }
      }),
      { numRuns: 500 },
    );
  });

  it("is the same when a large set changes by a few nodes, again and again", () => {
    const steps = fc.array(fc.array(fc.tuple(fc.nat(59), fc.nat(3)), { minLength: 1, maxLength: 6 }), {
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(steps, (history) => {
        const lead = "192.0.2.10" as IpAddress;
        const orderer = new Orderer();
        const byNode = new Map(
          Array.from({ length: 50 }, (_, index) => [`n${index}`, candidate(`n${index}`)]),
        );
        const current = () =>
          setOf([...byNode.values()].sort((left, right) => (left.node < right.node ? -1 : 1)));
        let ranking = orderer.rank(current(), lead);
        for (const changes of history) {
          for (const [name, state] of changes) {
            if (state === 3) byNode.delete(`n${name}`);
            else
              byNode.set(
                `n${name}`,
                candidate(`n${name}`, { grade: state === 2 ? 1 : 0, preference: state % 2 }),
              );
          }
          const set = current();
          ranking = orderer.rerank(ranking, set, lead);
          const whole = nodesOf(new Orderer().all(set, lead));
          assert.ok(ranking.first.length >= LISTED);
          assert.deepEqual(nodesOf(ranking.first), whole.slice(0, ranking.first.length));
        }
      }),
      { numRuns: 300 },
    );
  });

  it("hashes only what came when a set of 1,000 changes by one node", () => {
    const lead = "192.0.2.10" as IpAddress;
    const all = Array.from({ length: 1_000 }, (_, index) => candidate(`n${String(index).padStart(4, "0")}`));
    const orderer = new Orderer();
    const ranking = orderer.rank(setOf(all), lead);
    assert.equal(orderer.effort.steps, 1_000);
    const more = orderer.rerank(ranking, setOf([...all, candidate("n9999")]), lead);
    assert.equal(orderer.effort.steps, 1_001);
    const best = ranking.first[0]?.node;
    orderer.rerank(more, setOf(all.filter(({ node }) => node !== best)), lead);
    assert.equal(orderer.effort.steps, 1_001);
  });
});

describe("sets of candidates", () => {
  it("are one object while they are in use, and forgotten after", () => {
    const sets = new CandidateSets();
    const one = sets.take([candidate("a"), candidate("b")]);
    assert.equal(sets.take([candidate("a"), candidate("b")]), one);
    assert.notEqual(sets.take([candidate("a"), candidate("b", { grade: 1 })]), one);
    assert.equal(sets.size, 2);
    sets.release(one);
    assert.equal(sets.take([candidate("a"), candidate("b")]), one);
    sets.release(one);
    sets.release(one);
    assert.equal(sets.size, 1);
  });
});
