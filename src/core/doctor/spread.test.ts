import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { address } from "#testing/values";
import type { BgpFacts } from "./bgp-status.ts";
import type { Facts } from "./facts.ts";
import { onlyOne, spreadFindings } from "./spread.ts";
import { type SpreadSources, spreadQuestion } from "./spread-question.ts";

const QUESTION = {
  ...{ service: "default/web", address: address("203.0.113.1"), port: 80 },
  ...{ peer: "tor", router: address("10.2.0.1"), nodes: ["n1", "n2"] },
};

const tried = (answered: Readonly<Record<string, number>>, asked = 32) => ({
  ...{ question: QUESTION, asked, answered: new Map(Object.entries(answered)) },
});

describe("whether a router spreads", () => {
  it("is denied where nearly all connections have come to one of several nodes", () => {
    assert.equal(onlyOne(tried({ "10.2.0.22": 32 })), "10.2.0.22");
    assert.equal(onlyOne(tried({ "10.2.0.22": 29 })), "10.2.0.22");
  });

  it("is not denied where others were sent to the node that asks, or to a third one, or a few were tried", () => {
    // Half of two nodes' share comes back to where it was asked.
    assert.equal(onlyOne(tried({ "10.2.0.22": 17 })), undefined);
    assert.equal(onlyOne(tried({ "10.2.0.22": 31, "10.2.0.23": 1 })), undefined);
    assert.equal(onlyOne(tried({ "10.2.0.22": 8 }, 8)), undefined);
    assert.equal(onlyOne(tried({})), undefined);
  });

  it("is said with the figures, the peer and the remedy", () => {
    const [finding] = spreadFindings({ spread: tried({ "10.2.0.22": 31 }) } as unknown as Facts);
    assert.deepEqual([finding?.code, finding?.severity, finding?.subject], ["bgp-no-ecmp", "warning", "tor"]);
    assert.match(finding?.message ?? "", /sent 31 of 32 connections to 203\.0\.113\.1:80 .* to 10\.2\.0\.22/);
    assert.match(finding?.remedy ?? "", /maximum-paths .*merge paths .*router-config --peer tor/);
  });
});

const node = (name: string, spec: object = {}, ready = "True") => ({
  ...{ kind: "Node", metadata: { name }, spec },
  status: { conditions: [{ type: "Ready", status: ready }] },
});
const status = (name: string, peers: readonly string[] = ["tor"]) => ({
  status: { node: name, serviceName: "web", serviceNamespace: "default", peers },
});
const service = (spec: object = {}, name = "web") => ({
  metadata: { name, namespace: "default" },
  spec: {
    type: "LoadBalancer",
    externalTrafficPolicy: "Cluster",
    ports: [{ port: 80, protocol: "TCP" }],
    ...spec,
  },
  status: { loadBalancer: { ingress: [{ ip: "2001:db8::1" }, { ip: "203.0.113.1" }] } },
});
const BGP: BgpFacts = {
  peers: [
    {
      ...{ name: "tor", address: "10.2.0.1", isEstablished: true, lasting: 100_000, trouble: "" },
      ...{ bfd: undefined, leftOut: [] },
    },
  ],
  ...{ refusedPeers: [], troubles: [] },
};

describe("what there is to be tried", () => {
  const ask = (change: Partial<SpreadSources> = {}) =>
    spreadQuestion({
      ...{ statuses: [status("n1"), status("n2")], services: [service()], nodes: [node("n1"), node("n2")] },
      ...{ advertisements: [{ spec: {} }], bgp: BGP },
      ...change,
    });

  it("is an IPv4 address that two nodes or more tell a router with which there is a session", () => {
    assert.deepEqual(ask(), QUESTION);
    const [peer] = BGP.peers;
    assert.ok(peer !== undefined);
    for (const change of [{ isEstablished: false }, { name: "another" }, { address: undefined }])
      assert.equal(ask({ bgp: { ...BGP, peers: [{ ...peer, ...change }] } }), undefined);
    assert.equal(ask({ statuses: [status("n1"), status("n1")] }), undefined);
  });

  it("is nothing where another node is not to be preferred, or nodes may have other weights or preferences", () => {
    for (const other of [
      node("n2", { unschedulable: true }),
      node("n2", {}, "False"),
      node("n2", { taints: [{ key: "karpenter.sh/disrupted", effect: "NoSchedule" }] }),
    ])
      assert.equal(ask({ nodes: [node("n1"), other] }), undefined);
    assert.equal(ask({ services: [service({ externalTrafficPolicy: "Local" })] }), undefined);
    assert.equal(ask({ advertisements: [{ spec: { localPref: 200 } }, { spec: {} }] }), undefined);
  });

  it("is nothing without a port of TCP", () => {
    assert.equal(ask({ services: [service({ ports: [{ port: 53, protocol: "UDP" }] })] }), undefined);
    assert.equal(ask({ services: [service({ type: "ClusterIP" })] }), undefined);
  });

  it("does not throw at objects of any kind", () => {
    for (const any of [undefined, null, 7, "x", [], {}, { status: { peers: "tor" } }])
      ask({ statuses: [any], services: [any], nodes: [any], advertisements: [any] });
  });
});
