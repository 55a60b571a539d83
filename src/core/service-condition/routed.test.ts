import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { SILENT_REASONS as UNROUTED_REASONS } from "#core/bgp-routes/reason";
import { address } from "#testing/values";
import { announcedCondition } from "./announced.ts";
import { ROUTED_GIST, type RoutedNode, unroutedText } from "./routed.ts";

const node = (name: string, ...reached: readonly string[]): RoutedNode => ({
  ...{ node: name, peers: ["tor-1", "tor-2"], reached },
});
const only = (
  routed: readonly RoutedNode[],
  silent: "no-advertisement" | "no-endpoints" = "no-advertisement",
) => announcedCondition({ addresses: [], silent, routed });

describe("the condition Announced of a Service that routers are told of", () => {
  it("is true, though nobody answers on the link, once a node has a session; and says which nodes and which routers", () => {
    const { status, reason, message } = only([
      node("node-a", "tor-1", "tor-2"),
      node("node-b", "tor-1"),
      node("node-c"),
    ]);
    assert.deepEqual([status, reason], ["True", "Announced"]);
    assert.equal(message, "Routers are told of it by node node-a (tor-1, tor-2) and node node-b (tor-1).");
    assert.ok(message.startsWith(ROUTED_GIST));
  });

  it("is false while no node has a session, and says where to look", () => {
    const { status, reason, message } = only([node("node-a"), node("node-b")]);
    assert.deepEqual([status, reason], ["False", "NoSession"]);
    assert.match(message, /^No router is told of it: no node has a session with tor-1 and tor-2\. /);
  });

  it("names eight nodes, and counts the others", () => {
    const nodes = Array.from({ length: 10 }, (_, index) => node(`node-${index}`, "tor-1"));
    assert.match(only(nodes).message, /node node-7 \(tor-1\) and 2 more\.$/);
  });

  it("is what is true on the link where that is announced as well, and says both", () => {
    const holder = { node: "node-a", interfaces: [] };
    const standing = { address: address("192.0.2.10"), holder, stranger: undefined, leftOut: [] };
    const { status, message } = announcedCondition({
      ...{ addresses: [standing], silent: undefined, routed: [node("node-b", "tor-1")] },
    });
    assert.equal(status, "True");
    assert.equal(
      message,
      "Node node-a answers for 192.0.2.10. Routers are told of it by node node-b (tor-1).",
    );
  });
});

describe("a Service that nobody tells routers of", () => {
  const reasonOf = (unrouted: (typeof UNROUTED_REASONS)[number] | undefined) =>
    announcedCondition({ addresses: [], silent: "no-advertisement", unrouted }).reason;

  it("has BGP's reason where no L2Advertisement means it and a BGPAdvertisement does", () => {
    assert.deepEqual(
      [
        reasonOf("noEndpoints"),
        reasonOf("noLocalEndpoints"),
        reasonOf("noPeers"),
        reasonOf("conflictingAdvertisements"),
      ],
      ["NoEndpoints", "NoEndpoints", "NoPeers", "ConflictingAdvertisements"],
    );
    assert.equal(
      unroutedText("noPeers")?.text,
      "None of the peers that the BGPAdvertisements name is a peer of this node: create a BGPPeer, or change its nodeSelectors, or peers of a BGPAdvertisement.",
    );
  });

  it("has layer 2's reason where BGP has nothing to do with it, or another one comes first", () => {
    for (const unrouted of ["notOwner", "noMatchingAdvertisement", "nodeLeaving", undefined] as const)
      assert.equal(reasonOf(unrouted), "NoAdvertisement");
    assert.equal(
      announcedCondition({ addresses: [], silent: "no-endpoints", unrouted: "noPeers" }).reason,
      "NoEndpoints",
    );
  });
});
