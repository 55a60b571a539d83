import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { address } from "#testing/values";
import { proberOf } from "./duty.ts";

const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/);
const names = fc.uniqueArray(name, { minLength: 2, maxLength: 12 });
const target = fc.integer({ min: 1, max: 250 }).map((last) => address(`192.0.2.${last}`));

describe("the node that probes an address", () => {
  it("is never the holder, and the same in whatever order the nodes are known", () => {
    fc.assert(
      fc.property(names, target, fc.nat(), (nodes, asked, pick) => {
        const holder = nodes[pick % nodes.length];
        const prober = proberOf(asked, { nodes, holder });
        assert.ok(prober !== undefined && prober !== holder && nodes.includes(prober));
        assert.equal(proberOf(asked, { nodes: [...nodes].reverse(), holder }), prober);
      }),
    );
  });

  it("stays when another node goes", () => {
    fc.assert(
      fc.property(names, target, fc.nat(), (nodes, asked, pick) => {
        const prober = proberOf(asked, { nodes, holder: undefined });
        const gone = nodes[pick % nodes.length];
        if (gone === prober) return;
        const rest = nodes.filter((each) => each !== gone);
        assert.equal(proberOf(asked, { nodes: rest, holder: undefined }), prober);
      }),
    );
  });

  it("is nobody where the holder is alone", () => {
    assert.equal(proberOf(address("192.0.2.1"), { nodes: ["node-a"], holder: "node-a" }), undefined);
    assert.equal(proberOf(address("192.0.2.1"), { nodes: [], holder: undefined }), undefined);
  });

  it("is each of ten about equally often", () => {
    const nodes = Array.from({ length: 10 }, (_, index) => `node-${index}`);
    const counts = new Map<string, number>();
    for (let index = 0; index < 5_000; index += 1) {
      const asked = address(`10.${index >> 8}.${index & 255}.1`);
      const prober = proberOf(asked, { nodes, holder: undefined }) ?? assert.fail("nobody");
      counts.set(prober, (counts.get(prober) ?? 0) + 1);
    }
    // Five standard deviations of a binomial distribution.
    for (const count of counts.values()) assert.ok(Math.abs(count - 500) < 5 * Math.sqrt(450), `${count}`);
  });
});
