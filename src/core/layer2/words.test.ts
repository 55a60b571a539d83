import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { IpAddress } from "#base/address";
import type { Explanation } from "./explain.ts";
import { LEFT_OUT_REASONS, SILENT_REASONS, SILENT_TEXTS } from "./reason.ts";
import { advertisement, labelled, testNode, testService, testSlice, testWorld } from "./test-world.ts";
import { explanationLines, leftOutLines } from "./words.ts";

const explained = (world: ReturnType<typeof testWorld>, address: string): Explanation => {
  world.placements.settle();
  const explanation = world.placements.explain(address as IpAddress);
  assert.ok(explanation !== undefined);
  return explanation;
};

describe("an explanation in words", () => {
  it("lists who may answer, what puts some behind, and why others are left out", () => {
    const nodes = [
      testNode("node-a", { scheduling: "cordoned", readiness: { state: "not-ready", since: 0 } }),
      testNode("node-b", { labels: { disk: "fast" } }),
      testNode("node-c", { readiness: { state: "unknown", since: 0 } }),
      testNode("node-d", { network: { state: "unavailable", since: 0 } }),
      testNode("node-e"),
      testNode("node-f"),
    ];
    const world = testWorld({
      nodes,
      speakers: new Set(["node-a", "node-b", "node-c", "node-d"]),
      advertisements: [
        advertisement("all", {
          interfaces: ["eth0", "eth1"],
          preferredNodes: [{ weight: 20, selector: labelled({ disk: "fast" }) }],
        }),
      ],
      services: [testService("web", ["10.0.0.1"]), testService("mail", ["10.0.0.1"])],
    });
    world.placements.setSlice(testSlice("mail", []));
    assert.deepEqual(explanationLines(explained(world, "10.0.0.1")), [
      "10.0.0.1 is announced for default/web.",
      "1. node-b on eth0, eth1, preferred by 20.",
      "2. node-c on eth0, eth1 (has a silent kubelet).",
      "3. node-a on eth0, eth1, behind the others (is cordoned and is not ready).",
      "Node node-d has the condition NetworkUnavailable: look at the network plugin on the node.",
      "Each of node-e, node-f runs no speaker: let the speaker's DaemonSet run on the node: look at its node selector and tolerations.",
      "default/mail is not announced. No endpoint of the Service serves: look at the pods of the Service: none is ready.",
    ]);
  });

  it("says for each Service on a shared address why no node can serve it", () => {
    const policy = { externalTrafficPolicy: "Local" } as const;
    const world = testWorld({
      nodes: [testNode("node-a")],
      services: [testService("web", ["10.0.0.1"]), testService("mail", ["10.0.0.1"], policy)],
    });
    world.placements.setSlice(testSlice("mail", ["elsewhere"]));
    assert.deepEqual(explanationLines(explained(world, "10.0.0.1")), [
      "10.0.0.1 is announced for default/web.",
      "1. node-a.",
      "default/mail is not announced. Every node is left out: mend what leaves out one of them.",
      "Node node-a has no endpoint of the Service that serves, and externalTrafficPolicy is Local: run a pod of the Service on the node, or use externalTrafficPolicy Cluster.",
    ]);
  });

  it("stays short with 1,000 nodes", () => {
    const nodes = Array.from({ length: 1_000 }, (_, index) => testNode(`node-${index}`));
    const world = testWorld({ nodes, speakers: new Set(), services: [testService("web", ["10.0.0.1"])] });
    const lines = leftOutLines(explained(world, "10.0.0.1").leftOut);
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? "", / and 992 more runs no speaker: /);
  });
});

describe("reasons", () => {
  it("are distinct, and each has a sentence that ends in neither a full stop nor a space", () => {
    assert.equal(new Set(LEFT_OUT_REASONS).size, LEFT_OUT_REASONS.length);
    for (const reason of SILENT_REASONS)
      for (const text of Object.values(SILENT_TEXTS[reason])) assert.match(text, /^[a-z].*[a-zA-Z)]$/);
  });
});
