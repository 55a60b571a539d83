import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RouteWord } from "#core/bgp/desired";
import { address } from "#testing/values";
import { withLinkBandwidth } from "./link-bandwidth.ts";

const ATTRIBUTES = { localPref: 100, med: undefined, communities: [], largeCommunities: [] } as const;
const route = (linkBandwidth: number | undefined, ...peers: readonly string[]): RouteWord => ({
  prefix: { address: address("192.0.2.10"), prefixLength: 32 },
  targets: [{ peers, attributes: { ...ATTRIBUTES, linkBandwidth } }],
});
const told = ({ targets }: RouteWord) =>
  targets.map(({ peers, attributes }) => [peers.join(" "), attributes.linkBandwidth]);

describe("the share of traffic", () => {
  it("is told to peers that ask for it, and all else to the others as well", () => {
    const asking = new Set(["a", "c"]);
    assert.deepEqual(told(withLinkBandwidth(route(5, "a", "b", "c"), asking)), [
      ["a c", 5],
      ["b", undefined],
    ]);
    assert.deepEqual(told(withLinkBandwidth(route(5, "a"), asking)), [["a", 5]]);
    assert.deepEqual(told(withLinkBandwidth(route(5, "b"), asking)), [["b", undefined]]);
  });

  it("changes nothing where there is none", () => {
    assert.deepEqual(withLinkBandwidth(route(undefined, "a", "b"), new Set()), route(undefined, "a", "b"));
  });
});
