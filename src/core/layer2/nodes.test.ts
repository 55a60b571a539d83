/** Nodes that MetalLB would choose, and that we put behind or leave out. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { IpAddress } from "#base/address";
import type { Node } from "#core/node/node";
import { METALLB_RULES } from "./rules.ts";
import { advertisement, labelled, NODES, testNode, testService, testSlice, testWorld } from "./test-world.ts";

const WEB = "10.0.0.1";
/** MetalLB's order for `WEB`. */
const ORDER = ["node-b", "node-a", "node-c"];

const nodesWith = (overrides: Readonly<Record<string, Partial<Node>>>): readonly Node[] =>
  NODES.map((name) => testNode(name, overrides[name]));

const web = testService("web", [WEB]);
const local = testService("web", [WEB], { externalTrafficPolicy: "Local" });

describe("nodes that something is the matter with", () => {
  const rows: readonly (readonly [string, Partial<Node>])[] = [
    ["cordoned", { scheduling: "cordoned" }],
    ["being deleted", { life: "ending" }],
    ["being shut down", { readiness: { state: "shutting-down", since: 1 } }],
    ["not ready", { readiness: { state: "not-ready", since: 1 } }],
  ];
  for (const [name, overrides] of rows) {
    it(`stand behind the others when they are ${name}, and where MetalLB has them under its rules`, () => {
      const nodes = nodesWith({ "node-b": overrides });
      assert.deepEqual(testWorld({ services: [web], nodes }).candidates(WEB), ["node-a", "node-c", "node-b"]);
      assert.deepEqual(testWorld({ services: [web], nodes, rules: METALLB_RULES }).candidates(WEB), ORDER);
    });
    it(`stand in MetalLB's order when all are ${name}`, () => {
      const nodes = nodesWith({ "node-a": overrides, "node-b": overrides, "node-c": overrides });
      assert.deepEqual(testWorld({ services: [web], nodes }).candidates(WEB), ORDER);
    });
  }

  it("keep their place when only their kubelet is silent", () => {
    const nodes = nodesWith({ "node-b": { readiness: { state: "unknown", since: 1 } } });
    assert.deepEqual(testWorld({ services: [web], nodes }).candidates(WEB), ORDER);
  });

  it("are out when they are out of service", () => {
    const taints = [{ key: "node.kubernetes.io/out-of-service", effect: "NoExecute" }] as const;
    const nodes = nodesWith({ "node-b": { taints } });
    const world = testWorld({ services: [web], nodes });
    assert.deepEqual(world.candidates(WEB), ["node-a", "node-c"]);
    assert.deepEqual(world.leftOut(WEB), ["node-b out-of-service"]);
    assert.deepEqual(testWorld({ services: [web], nodes, rules: METALLB_RULES }).candidates(WEB), ORDER);
  });

  it("stand behind even if they are preferred", () => {
    const nodes = nodesWith({ "node-b": { scheduling: "cordoned", labels: { zone: "east" } } });
    const preferredNodes = [{ weight: 100, selector: labelled({ zone: "east" }) }];
    const advertisements = [advertisement("all", { preferredNodes })];
    const world = testWorld({ services: [web], nodes, advertisements });
    assert.deepEqual(world.candidates(WEB), ["node-a", "node-c", "node-b"]);
  });

  it("answer again once nothing is the matter, or are gone for good", () => {
    const world = testWorld({ services: [web] });
    world.placements.setNode(testNode("node-b", { scheduling: "cordoned" }));
    assert.deepEqual(world.candidates(WEB), ["node-a", "node-c", "node-b"]);
    world.placements.setNode(testNode("node-b"));
    assert.deepEqual(world.candidates(WEB), ORDER);
    world.placements.removeNode("node-b");
    assert.deepEqual(world.candidates(WEB), ["node-a", "node-c"]);
    assert.deepEqual(world.leftOut(WEB), ["node-b node-unknown"]);
    world.placements.setSpeakers(new Set(["node-a"]));
    assert.deepEqual(world.leftOut(WEB), ["node-c no-speaker"]);
  });
});

describe("nodes that cannot carry the address", () => {
  const networks = (...texts: readonly string[]) => ({
    links: [
      {
        name: "eth0",
        addresses: texts.map((text) => ({ address: text as IpAddress, prefixLength: 24 })),
      },
    ],
  });

  it("are out when they have no interface that can answer, or none that is advertised", () => {
    const advertisements = [advertisement("all", { interfaces: ["eth1"] })];
    const world = testWorld({ services: [web], advertisements });
    world.placements.setFitness("node-b", networks("10.0.0.9"));
    world.placements.setFitness("node-c", { links: [] });
    assert.deepEqual(world.candidates(WEB), ["node-a"]);
    assert.deepEqual(world.leftOut(WEB), ["node-b interface-absent", "node-c no-usable-link"]);
  });

  it("are out when they are in another subnet and others are in that of the address", () => {
    const world = testWorld({ services: [web] });
    world.placements.setFitness("node-b", networks("192.168.7.9"));
    world.placements.setFitness("node-a", networks("10.0.0.9"));
    assert.deepEqual(world.candidates(WEB), ["node-a", "node-c"]);
    assert.deepEqual(world.leftOut(WEB), ["node-b other-subnet"]);
  });

  it("stay when no node is known to be in the subnet of the address: then it is routed there", () => {
    const world = testWorld({ services: [web] });
    for (const node of NODES) world.placements.setFitness(node, networks("192.168.7.9"));
    assert.deepEqual(world.candidates(WEB), ORDER);
  });

  it("stay when only they have endpoints, although others are in the subnet", () => {
    const world = testWorld({ services: [local] });
    world.placements.setSlice(testSlice("web", ["node-b"]));
    world.placements.setFitness("node-b", networks("192.168.7.9"));
    world.placements.setFitness("node-a", networks("10.0.0.9"));
    assert.deepEqual(world.candidates(WEB), ["node-b"]);
  });

  it("fit again when their report changes or goes, and stay under MetalLB's rules", () => {
    const world = testWorld({ services: [web] });
    world.placements.setFitness("node-b", { links: [] });
    assert.deepEqual(world.candidates(WEB), ["node-a", "node-c"]);
    world.placements.follow(METALLB_RULES);
    assert.deepEqual(world.candidates(WEB), ORDER);
    world.placements.setFitness("node-b", undefined);
    world.placements.follow({ ...METALLB_RULES, fitness: "respected" });
    assert.deepEqual(world.candidates(WEB), ORDER);
  });
});
