import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bgp, peer, pool } from "#core/metallb/test-objects";
import { kindOf, pathsOf } from "./model.ts";
import { annotated, node, routerOf, routersIn } from "./test-cases.ts";

const ALL = [pool("web"), bgp("all")];
const NODES = {
  type: "nodes",
  nodes: [node("node-a", "10.0.0.11"), node("node-b", "2001:db8::12")],
} as const;

const problems = (...input: Parameters<typeof routersIn>): readonly string[] => {
  const read = routersIn(...input);
  return read.ok ? [] : read.problems;
};

describe("routers that resources describe", () => {
  it("are as many as there are addresses of peers, each with every peer that names it", () => {
    const inZone = (zone: string) => ({ nodeSelectors: [{ matchLabels: { zone } }] });
    const nodes = [node("node-a", "10.0.0.11"), { ...node("node-b", "10.0.0.12"), labels: { zone: "b" } }];
    const read = routersIn(
      [
        ...ALL,
        peer("one", inZone("a")),
        peer("two", inZone("b")),
        peer("apart", { peerAddress: "198.51.100.2" }),
      ],
      { type: "nodes", nodes },
    );
    assert.ok(read.ok);
    assert.deepEqual(
      read.routers.map(({ name, sessions }) => [name, sessions.map(({ peer: each }) => each)]),
      [
        ["198.51.100.2", ["apart"]],
        ["198.51.100.1", ["one", "two"]],
      ],
    );
  });

  it("know a node by its address of the router's family, and say which nodes have none", () => {
    const read = routersIn([...ALL, peer("tor")], NODES);
    assert.ok(read.ok);
    const session = read.routers[0]?.sessions[0];
    assert.deepEqual(session?.neighbours, {
      type: "nodes",
      nodes: [{ name: "node-a", address: "10.0.0.11" }],
    });
    assert.deepEqual(session?.notes, ["Node node-b has no IPv4 address and is left out."]);
  });

  it("are refused where no node is meant, or none is known", () => {
    const zoneB = peer("tor", { nodeSelectors: [{ matchLabels: { zone: "b" } }] });
    assert.deepEqual(problems([...ALL, zoneB], NODES), ["BGPPeer tor: its nodeSelectors match no node."]);
    assert.deepEqual(problems([...ALL, peer("tor")], { type: "nodes", nodes: [] }), [
      "BGPPeer tor: no node is known.",
    ]);
    assert.deepEqual(problems(ALL), ["There is no BGPPeer."]);
    assert.deepEqual(problems([...ALL, peer("tor")], NODES, { peers: ["rot"] }), [
      "There is no BGPPeer rot.",
    ]);
  });

  it("have to be told their number where the peer takes any", () => {
    const any = peer("tor", { peerASN: 0, dynamicASN: "external" });
    assert.match(problems([...ALL, any]).join(), /--router-asn/);
    const read = routersIn([...ALL, any], NODES, { routerAsn: 65000 });
    assert.ok(read.ok);
    assert.equal(read.routers[0]?.asn, 65_000);
  });

  it("are not told what speakers refuse, but why they do", () => {
    const wrong = annotated(peer("tor"), { "steelyard.dev/ttl": "1" });
    assert.match(
      problems([...ALL, wrong], NODES).join(),
      /^BGPPeer tor has the annotation "steelyard\.dev\/ttl"/,
    );
    const waiting = annotated(peer("tor"), { "steelyard.dev/passive": "true" });
    const range = { address: node("x", "10.0.0.0").addresses[0] ?? assert.fail(), prefixLength: 24 };
    assert.match(problems([...ALL, waiting], { type: "ranges", ranges: [range] }).join(), /name the nodes/);
  });

  it("are internal when they have the number that the nodes tell them", () => {
    const [session] = routerOf("internal").sessions;
    assert.ok(session !== undefined);
    assert.equal(kindOf(session), "internal");
    assert.deepEqual(session.timers, { hold: 0, keepalive: 0 });
  });

  it("send as often as we receive, and the other way round", () => {
    const { bfd } = routerOf("everything").sessions[0] ?? {};
    assert.deepEqual(bfd, { receive: 100, transmit: 200, multiplier: 4, minimumTtl: 250 });
  });

  it("use as many paths as there are nodes, at least 16 and at most what they can", () => {
    const router = routerOf("plain");
    const many = { ...router, sessions: router.sessions.map((session) => ({ ...session })) };
    assert.equal(pathsOf(many, 256), 16);
    const nodes = Array.from({ length: 40 }, (_, index) => node(`node-${index}`, `10.0.1.${index}`));
    const read = routersIn([...ALL, peer("tor")], { type: "nodes", nodes });
    assert.ok(read.ok);
    const [large] = read.routers;
    assert.ok(large !== undefined);
    assert.equal(pathsOf(large, 256), 40);
    assert.equal(pathsOf(large, 32), 32);
  });
});
