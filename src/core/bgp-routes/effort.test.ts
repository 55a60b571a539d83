/** How much work a change is, counted in steps and never in time. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { keyOf, testNode, testService, testSlice } from "#testing/cluster";
import { addressPool } from "#testing/services";
import { advertisement, type Bed, SELF, testBed } from "./test-bed.ts";

const SERVICES = 10_000;

const POOLS = [addressPool("public", ["10.1.0.0/16"])];
const ADS = [advertisement("all"), advertisement("some", { communities: ["64500:1"], peers: ["b"] })];

const serviceOf = (index: number, policy: "Cluster" | "Local") =>
  testService(`s${index}`, [`10.1.${index >> 8}.${index & 255}`], { externalTrafficPolicy: policy });

const bigBed = (policy: "Cluster" | "Local"): Bed => {
  const bed = testBed({ peers: ["a", "b", "c"] });
  bed.routes.configure({ pools: POOLS, bgpAdvertisements: ADS });
  for (let index = 0; index < SERVICES; index += 1) {
    bed.routes.setService(serviceOf(index, policy));
    bed.routes.setSlice(testSlice(`s${index}`, [SELF, `node-${index % 30}`]));
  }
  return bed;
};

const costOf = (bed: Bed, change: () => void): { readonly steps: number; readonly said: number } => {
  const before = bed.effort.steps;
  change();
  const { changed, removed } = bed.settle();
  return { steps: bed.effort.steps - before, said: changed.length + removed.length };
};

describe("the work for 10,000 Services", () => {
  const cluster = bigBed("Cluster");
  const local = bigBed("Local");

  it("is two steps for each at first, and all share what peers are told", () => {
    const { steps, said } = costOf(cluster, () => undefined);
    assert.deepEqual({ steps, said }, { steps: 2 * SERVICES, said: SERVICES });
    assert.equal(new Set([...cluster.routes.all()].map(({ targets }) => targets)).size, 1);
    assert.equal(costOf(local, () => undefined).said, SERVICES);
  });

  it("is nothing for a slice that leaves a Service serving, and nothing for another node", () => {
    assert.deepEqual(
      costOf(cluster, () => cluster.routes.setSlice(testSlice("s5000", [SELF, "node-1", "node-2"]))),
      { steps: 0, said: 0 },
    );
    assert.deepEqual(
      costOf(cluster, () => cluster.routes.setNode(testNode("node-1", { scheduling: "cordoned" }))),
      { steps: 0, said: 0 },
    );
  });

  it("is two steps for a slice that leaves nothing serving, and two for one that brings it back", () => {
    const gone = costOf(local, () => local.routes.setSlice(testSlice("s5000", ["node-1"])));
    assert.deepEqual(gone, { steps: 2, said: 1 });
    const back = costOf(local, () => local.routes.setSlice(testSlice("s5000", [SELF])));
    assert.deepEqual(back, { steps: 2, said: 1 });
  });

  it("is one step for a slice with other endpoints here, while weights are not told", () => {
    const more = [{ node: SELF, ready: 7, leaving: 0, silent: 0 }];
    assert.deepEqual(
      costOf(local, () => local.routes.setSlice(testSlice("s5000", more))),
      { steps: 1, said: 0 },
    );
  });

  it("is nothing when this node says again what it said, or something that nobody asks", () => {
    const node = testNode(SELF, { labels: { any: "thing" } });
    assert.deepEqual(
      costOf(cluster, () => cluster.routes.setNode(node)),
      { steps: 0, said: 0 },
    );
  });

  it("is one step for each prefix when this node is cordoned, and as many when it is not any more", () => {
    const away = costOf(cluster, () => cluster.routes.setNode(testNode(SELF, { scheduling: "cordoned" })));
    assert.deepEqual(away, { steps: SERVICES, said: SERVICES });
    const back = costOf(cluster, () => cluster.routes.setNode(testNode(SELF)));
    assert.deepEqual(back, { steps: SERVICES, said: SERVICES });
  });

  it("is two steps for each Service, and no word, when an equal configuration is put in force again", () => {
    const again = costOf(cluster, () =>
      cluster.routes.configure({ pools: POOLS, bgpAdvertisements: ADS.map((ad) => ({ ...ad })) }),
    );
    assert.deepEqual(again, { steps: 2 * SERVICES, said: 0 });
  });

  it("is two steps for each Service when this node loses its network", () => {
    cluster.routes.setNode(testNode(SELF, { network: { state: "unavailable", since: 1 } }));
    const gone = costOf(cluster, () => undefined);
    assert.deepEqual(gone, { steps: 2 * SERVICES, said: SERVICES });
  });

  it("leaves nothing behind when everything is gone", () => {
    for (let index = 0; index < SERVICES; index += 1) local.routes.removeService(keyOf(`s${index}`));
    assert.equal(local.settle().removed.length, SERVICES);
    assert.deepEqual([...local.routes.all()], []);
    assert.deepEqual(local.settle(), { changed: [], removed: [], rest: "none" });
  });
});
