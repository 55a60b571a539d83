/** How much work a change is, counted in steps and never in time. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DEFAULT_RULES } from "./rules.ts";
import {
  advertisement,
  keyOf,
  POOLS,
  testNode,
  testService,
  testSlice,
  testWorld,
  type World,
} from "./test-world.ts";

const SERVICES = 10_000;
const NODES = 30;

const nodes = Array.from({ length: NODES }, (_, index) => testNode(`n${index}`));
const serviceOf = (index: number, policy: "Cluster" | "Local") =>
  testService(`s${index}`, [`10.1.${index >> 8}.${index & 255}`], { externalTrafficPolicy: policy });

const bigWorld = (policy: "Cluster" | "Local"): World => {
  const world = testWorld({ nodes, advertisements: [advertisement("all")] });
  for (let index = 0; index < SERVICES; index += 1) {
    world.placements.setService(serviceOf(index, policy));
    const names = [0, 1, 2].map((more) => `n${(7 * index + 31 * more) % NODES}`);
    world.placements.setSlice(testSlice(`s${index}`, names));
  }
  return world;
};

/** The steps that a change takes, and how many placements it changes. */
const costOf = (world: World, change: () => void): { readonly steps: number; readonly placed: number } => {
  const before = world.effort.steps;
  change();
  const { placed } = world.placements.settle();
  return { steps: world.effort.steps - before, placed: placed.length };
};

describe("the work of placement with 10,000 Services and 30 nodes", () => {
  // One world for all tests of a kind: each leaves it as it was, for all that matters to the others.
  const cluster = bigWorld("Cluster");
  const local = bigWorld("Local");

  it("is one digest for each address and node at first, and all share one set of candidates", () => {
    const { steps, placed } = costOf(cluster, () => undefined);
    assert.equal(placed, SERVICES);
    assert.ok(steps <= SERVICES * (NODES + 1) + 10 * NODES, `${steps} steps`);
    assert.deepEqual(cluster.placements.kept(), { sets: 1, fields: 1 });
  });

  it("is less where externalTrafficPolicy is Local, and equal sets are one", () => {
    const { steps, placed } = costOf(local, () => undefined);
    assert.equal(placed, SERVICES);
    assert.ok(steps <= 8 * SERVICES, `${steps} steps`);
    assert.ok(local.placements.kept().sets <= NODES);
  });

  it("is nothing for a slice that leaves a Service serving, with externalTrafficPolicy Cluster", () => {
    const cost = costOf(cluster, () => cluster.placements.setSlice(testSlice("s5000", ["n1", "n2"])));
    assert.deepEqual(cost, { steps: 0, placed: 0 });
  });

  it("is one address for a slice that leaves nothing serving, and one that brings it back", () => {
    const gone = costOf(cluster, () => cluster.placements.removeSlice(keyOf("s5000-1")));
    assert.deepEqual(gone, { steps: 1, placed: 0 });
    const back = costOf(cluster, () => cluster.placements.setSlice(testSlice("s5000", ["n1"])));
    assert.equal(back.placed, 1);
    assert.ok(back.steps <= NODES + 2, `${back.steps} steps`);
  });

  it("is a few steps for a slice with externalTrafficPolicy Local", () => {
    const cost = costOf(local, () => local.placements.setSlice(testSlice("s5000", ["n1", "n2", "n3"])));
    assert.equal(cost.placed, 1);
    assert.ok(cost.steps <= 10, `${cost.steps} steps`);
  });

  it("is nothing when a node says again what it said, or something that nobody asks", () => {
    const { placements } = local;
    const same = costOf(local, () => placements.setNode(testNode("n5", { labels: { any: "thing" } })));
    assert.ok(same.steps <= 1 && same.placed === 0, `${same.steps} steps`);
  });

  it("is one digest for each address when a node comes, and few more when one goes", () => {
    cluster.placements.setSpeakers(new Set([...nodes.map(({ name }) => name), "new"]));
    const come = costOf(cluster, () => cluster.placements.setNode(testNode("new")));
    assert.ok(come.steps <= 2 * SERVICES + 10 * NODES, `${come.steps} steps`);
    assert.ok(come.placed < 0.3 * SERVICES, `${come.placed} placements`);
    const gone = costOf(cluster, () => cluster.placements.removeNode("new"));
    assert.ok(gone.steps <= 1.1 * SERVICES + 10 * NODES, `${gone.steps} steps`);
    assert.equal(gone.placed, come.placed);
  });

  it("is one step for each address when an equal configuration is put in force again", () => {
    const again = costOf(cluster, () =>
      cluster.placements.configure({ pools: POOLS, l2Advertisements: [advertisement("all")] }),
    );
    assert.equal(again.placed, 0);
    assert.ok(again.steps <= SERVICES + 10 * NODES, `${again.steps} steps`);
  });

  it("spreads anew in a few steps for each address", () => {
    local.placements.follow({ ...DEFAULT_RULES, order: { type: "spread", slack: 1.25 } });
    local.placements.settle();
    const cost = costOf(local, () => local.placements.setSlice(testSlice("s5000", ["n4", "n5", "n6"])));
    assert.ok(cost.steps <= 2 * SERVICES, `${cost.steps} steps`);
    assert.ok(cost.placed >= 1 && cost.placed <= 10, `${cost.placed} placements`);
  });

  it("leaves nothing behind when everything is gone", () => {
    for (let index = 0; index < SERVICES; index += 1) local.placements.removeService(keyOf(`s${index}`));
    assert.equal(local.placements.settle().withdrawn.length, SERVICES);
    assert.deepEqual(local.placements.kept(), { sets: 0, fields: 0 });
    assert.deepEqual([...local.placements.all()], []);
  });
});
