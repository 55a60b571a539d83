import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { isNodeName, readNode } from "./read.ts";

const condition = (type: string, status: string, more: Readonly<Record<string, unknown>> = {}) => ({
  type,
  status,
  lastHeartbeatTime: "2026-03-01T08:05:00Z",
  lastTransitionTime: "2026-03-01T08:00:00Z",
  reason: "KubeletReady",
  message: "kubelet is posting ready status",
  ...more,
});

const ALPHA = {
  metadata: {
    name: "alpha.rack1",
    uid: "4f6f",
    resourceVersion: "812",
    labels: { "topology.kubernetes.io/zone": "east" },
    annotations: { "node.alpha.kubernetes.io/ttl": "0" },
  },
  spec: { taints: [{ key: "example.net/gpu", value: "yes", effect: "NoSchedule", timeAdded: "x" }] },
  status: {
    addresses: [
      { type: "InternalIP", address: "192.0.2.11" },
      { type: "Hostname", address: "alpha" },
      { type: "InternalIP", address: "2001:DB8::b" },
      { type: "InternalIP", address: "not-one" },
    ],
    conditions: [
      condition("MemoryPressure", "False"),
      condition("NetworkUnavailable", "False"),
      condition("Ready", "True"),
    ],
    images: [{ names: ["a"], sizeBytes: 1 }],
  },
};

const withStatus = (conditions: readonly unknown[]) => readNode({ ...ALPHA, status: { conditions } });

describe("reading a Node", () => {
  it("keeps what decides whether it may answer for addresses", () => {
    assert.deepEqual(readNode(ALPHA), {
      name: "alpha.rack1",
      labels: { "topology.kubernetes.io/zone": "east" },
      internalIps: ["192.0.2.11", "2001:db8::b"],
      scheduling: "open",
      readiness: { state: "ready", since: 1_772_352_000 },
      network: { state: "available", since: 1_772_352_000 },
      taints: [{ key: "example.net/gpu", effect: "NoSchedule" }],
      life: "lasting",
    });
  });

  it("gives the same for versions that differ in heartbeats, sentences and images only", () => {
    const later = {
      ...ALPHA,
      metadata: { ...ALPHA.metadata, resourceVersion: "999", annotations: { other: "1" } },
      status: {
        ...ALPHA.status,
        images: [],
        conditions: ALPHA.status.conditions.map((each) => ({
          ...each,
          lastHeartbeatTime: "2026-03-01T09:00:00Z",
          message: "PLEG was last seen active 3m ago",
        })),
      },
    };
    assert.deepEqual(readNode(later), readNode(ALPHA));
  });

  it("tells a kubelet that is not ready from one that shuts down and from one that is silent", () => {
    const message = "[container runtime is down, node is shutting down]";
    const states = [
      withStatus([condition("Ready", "False", { message: "network plugin is not ready" })]),
      withStatus([condition("Ready", "False", { message })]),
      withStatus([condition("Ready", "Unknown")]),
      withStatus([]),
    ].map((node) => node?.readiness.state);
    assert.deepEqual(states, ["not-ready", "shutting-down", "unknown", "unknown"]);
  });

  it("knows a network that is unavailable, and takes one of which nothing is said for available", () => {
    assert.equal(withStatus([condition("NetworkUnavailable", "True")])?.network.state, "unavailable");
    assert.equal(withStatus([condition("NetworkUnavailable", "Unknown")])?.network.state, "available");
    assert.equal(withStatus([])?.network.state, "available");
  });

  it("knows a cordon and a deletion", () => {
    const node = readNode({
      metadata: { name: "a", deletionTimestamp: "2026-03-01T08:00:00Z" },
      spec: { unschedulable: true },
    });
    assert.equal(node?.scheduling, "cordoned");
    assert.equal(node?.life, "ending");
  });

  it("is nothing without a name that a node can have", () => {
    for (const name of [undefined, "", "Alpha", "a_b", "-a", "a-", "a..b", "a#b", "é", "x".repeat(254), 7])
      assert.equal(readNode({ metadata: { name } }), undefined, String(name));
    assert.ok(isNodeName("x".repeat(253)));
  });

  it("bounds its lists, and leaves out taints that say nothing", () => {
    const node = readNode({
      metadata: { name: "a" },
      spec: {
        taints: [
          { key: "k".repeat(400), effect: "NoExecute" },
          { key: "a", effect: "Whatever" },
          { effect: "NoExecute" },
          null,
          ...Array.from({ length: 5_000 }, (_, index) => ({ key: `k${index}`, effect: "NoExecute" })),
        ],
      },
      status: {
        addresses: Array.from({ length: 5_000 }, () => ({ type: "InternalIP", address: "192.0.2.1" })),
      },
    });
    assert.equal(node?.taints.length, 252);
    assert.equal(node?.internalIps.length, 64);
  });

  it("never throws on whatever JSON holds", () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.jsonValue(),
        fc.jsonValue(),
        fc.jsonValue(),
        (any, spec, status, list) => {
          readNode(any);
          readNode({ metadata: any });
          const node = readNode({ metadata: { name: "a", labels: any }, spec, status });
          assert.equal(node?.name, "a");
          readNode({
            metadata: { name: "a" },
            spec: { taints: list },
            status: { addresses: list, conditions: [{ type: "Ready", status: any, message: list }] },
          });
        },
      ),
    );
  });
});
