import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { METALLB_GRADING } from "#core/node/grading";
import { impairmentsOf } from "#core/node/impairment";
import type { Node, Readiness } from "#core/node/node";
import { DEFAULT_GRADING, gradeOf } from "./grading.ts";
import { testNode } from "./test-world.ts";

const taint = (key: string): Node["taints"] => [{ key, effect: "NoSchedule" }];
const state = (readiness: Readiness): Partial<Node> => ({ readiness: { state: readiness, since: 1 } });

const TABLE: readonly (readonly [string, Partial<Node>, readonly string[], number])[] = [
  ["nothing", {}, [], 0],
  ["a cordon", { scheduling: "cordoned" }, ["cordoned"], 1],
  ["a deletion", { life: "ending" }, ["leaving"], 2],
  ["an autoscaler that removes it", { taints: taint("ToBeDeletedByClusterAutoscaler") }, ["leaving"], 2],
  ["an autoscaler that might", { taints: taint("DeletionCandidateOfClusterAutoscaler") }, [], 0],
  ["Karpenter, that removes it", { taints: taint("karpenter.sh/disrupted") }, ["leaving"], 2],
  ["a shutdown", state("shutting-down"), ["leaving"], 2],
  ["a kubelet that is not ready", state("not-ready"), ["not-ready"], 3],
  ["a silent kubelet", state("unknown"), ["unreachable"], 0],
  ["an operator's own taint", { taints: taint("example.net/rebooting") }, ["leaving"], 2],
  ["a drain", { scheduling: "cordoned", ...state("not-ready") }, ["cordoned", "not-ready"], 3],
  ["out of service", { taints: taint("node.kubernetes.io/out-of-service") }, ["out-of-service"], 0],
  [
    "off, says the cloud",
    { taints: taint("node.cloudprovider.kubernetes.io/shutdown") },
    ["out-of-service"],
    0,
  ],
  ["a role", { taints: [{ key: "node-role.kubernetes.io/etcd", effect: "NoExecute" }] }, [], 0],
];

const LEAVING = new Set(["example.net/rebooting"]);

describe("what is the matter with a node", () => {
  for (const [name, overrides, impairments, grade] of TABLE) {
    it(`is ${impairments.join(" and ") || "nothing"} for ${name}`, () => {
      const noticed = impairmentsOf(testNode("node-a", overrides), LEAVING);
      assert.deepEqual(
        noticed.map(({ impairment }) => impairment),
        impairments,
      );
      assert.equal(gradeOf(noticed, DEFAULT_GRADING), grade);
      assert.equal(gradeOf(noticed, METALLB_GRADING), 0);
    });
  }
});
