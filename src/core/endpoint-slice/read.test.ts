import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { serves } from "./endpoint-slice.ts";
import { readEndpointSlice } from "./read.ts";

const slice = (endpoints: unknown) => ({
  metadata: { name: "web-x7", namespace: "shop", labels: { "kubernetes.io/service-name": "web" } },
  addressType: "IPv6",
  endpoints,
});

const onAlpha = (conditions?: unknown) =>
  readEndpointSlice(slice([{ nodeName: "alpha", addresses: ["2001:db8::1"], conditions }]))?.nodes[0];

describe("reading an EndpointSlice", () => {
  it("counts what serves on each node", () => {
    const read = readEndpointSlice(
      slice([
        { nodeName: "beta", addresses: ["2001:db8::1"], conditions: { ready: true } },
        { nodeName: "alpha", conditions: { ready: false, serving: true, terminating: true } },
        { nodeName: "beta", conditions: { ready: true, serving: true }, zone: "east" },
        { nodeName: "beta", conditions: { ready: false } },
        { conditions: { ready: true } },
      ]),
    );
    assert.deepEqual(read, {
      key: "shop/web-x7",
      service: "shop/web",
      addressType: "IPv6",
      nodes: [
        { node: "", ready: 1, leaving: 0, silent: 0 },
        { node: "alpha", ready: 0, leaving: 1, silent: 0 },
        { node: "beta", ready: 2, leaving: 0, silent: 1 },
      ],
    });
  });

  it("takes an endpoint for serving exactly where MetalLB does", () => {
    const table: readonly (readonly [unknown, boolean])[] = [
      [undefined, true],
      [{}, true],
      [{ ready: null }, true],
      [{ ready: true }, true],
      [{ ready: true, serving: false }, true],
      [{ ready: false }, false],
      [{ ready: false, serving: null }, false],
      [{ ready: false, serving: false }, false],
      [{ ready: false, serving: true }, true],
      [{ ready: false, serving: true, terminating: true }, true],
      [{ serving: false }, true],
    ];
    for (const [conditions, expected] of table) {
      const node = onAlpha(conditions);
      assert.ok(node !== undefined);
      assert.equal(serves(node), expected, JSON.stringify(conditions));
    }
  });

  it("is the same when only addresses, ports and versions differ", () => {
    const one = slice([{ nodeName: "alpha", addresses: ["2001:db8::1"] }]);
    const other = {
      ...slice([{ nodeName: "alpha", addresses: ["2001:db8::2"], hostname: "x" }]),
      metadata: { ...one.metadata, resourceVersion: "9" },
      ports: [{ port: 1 }],
    };
    assert.deepEqual(readEndpointSlice(one), readEndpointSlice(other));
  });

  it("is nothing without a name or a Service", () => {
    assert.equal(readEndpointSlice({ metadata: { name: "x", namespace: "shop" } }), undefined);
    assert.equal(
      readEndpointSlice({ metadata: { labels: { "kubernetes.io/service-name": "web" } } }),
      undefined,
    );
  });

  it("reads no more endpoints than the API server allows, and no node names that cannot be", () => {
    const many = Array.from({ length: 100_000 }, () => ({ nodeName: "alpha" }));
    assert.equal(readEndpointSlice(slice(many))?.nodes[0]?.ready, 1_000);
    assert.deepEqual(
      readEndpointSlice(slice([{ nodeName: "x".repeat(1_000) }]))?.nodes.map(({ node }) => node),
      [""],
    );
  });

  it("never throws on whatever JSON holds", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (any, conditions) => {
        readEndpointSlice(any);
        readEndpointSlice({ metadata: any });
        assert.equal(readEndpointSlice(slice(any))?.service, "shop/web");
        readEndpointSlice(
          slice([
            { nodeName: any, conditions },
            { nodeName: "__proto__", conditions: any },
          ]),
        );
      }),
    );
  });
});
