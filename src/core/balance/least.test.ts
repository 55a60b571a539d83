import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { dealLeast, type LeastMember } from "./least.ts";

const member = (name: string, load: number, weight = 1, available = true): LeastMember => ({
  ...{ name, load, weight, available },
});
const counted = (members: readonly LeastMember[]): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {};
  for (const name of dealLeast(members)) counts[name ?? "nobody"] = (counts[name ?? "nobody"] ?? 0) + 1;
  return counts;
};

describe("dealing by least connections", () => {
  it("takes turns among equals, and gives a busy one nothing", () => {
    assert.deepEqual(dealLeast([member("a", 0), member("b", 0)]).slice(0, 4), ["a", "b", "a", "b"]);
    assert.deepEqual(counted([member("a", 10), member("b", 12), member("c", 41)]), { a: 9, b: 7 });
  });

  it("goes by open flows for the weight", () => {
    assert.deepEqual(counted([member("a", 0, 3), member("b", 0, 1)]), { a: 12, b: 4 });
    assert.deepEqual(counted([member("a", 30, 3), member("b", 10, 1)]), { a: 12, b: 4 });
  });

  it("leaves out who takes none, and is as long whoever does", () => {
    assert.deepEqual(counted([member("a", 0, 0), member("b", 9), member("c", 0, 1, false)]), { b: 16 });
    assert.deepEqual(counted([member("a", 0, 1, false)]), { nobody: 16 });
    assert.equal(dealLeast(Array.from({ length: 20 }, (_, index) => member(`${index}`, 0))).length, 40);
    assert.equal(dealLeast([]).length, 0);
  });

  it("leaves nobody with more than one beyond another who had no more at first", () => {
    const loads = fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(loads, (given) => {
        const members = given.map((load, index) => member(`${index}`, load));
        const counts = counted(members);
        const after = given.map((load, index) => load + (counts[`${index}`] ?? 0));
        const dealtTo = after.filter((_, index) => (counts[`${index}`] ?? 0) > 0);
        assert.ok(Math.max(...dealtTo) <= Math.min(...after) + 1);
      }),
    );
  });
});
