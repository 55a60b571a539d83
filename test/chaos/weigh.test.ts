import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { growth, lows, type Weight } from "./weigh.ts";

const weights = (change: (index: number) => Partial<Weight>): readonly Weight[] =>
  Array.from({ length: 40 }, (_, index) => ({
    ...{ at: index, memory: 90_000 + (index % 7) * 500, descriptors: 60, objects: 80, tracked: 300 },
    ...change(index),
  }));

describe("what an edge takes of its machine", () => {
  it("may go up and down", () => {
    assert.deepEqual(
      growth(
        "e1",
        weights((index) => ({ tracked: index % 2 === 0 ? 10 : 900 })),
      ),
      [],
    );
  });

  for (const [what, change, finding] of [
    [
      "memory",
      (index: number) => ({ memory: 90_000 + index * 1_000 }),
      "e1: memory grew from 102000 to 126000",
    ],
    ["descriptors", (index: number) => ({ descriptors: 60 + index }), "e1: descriptors grew from 72 to 96"],
    ["objects", (index: number) => ({ objects: 80 + index }), "e1: objects grew from 92 to 116"],
    ["tracked", (index: number) => ({ tracked: 300 * index }), "e1: tracked grew from 3600 to 10800"],
  ] as const) {
    it(`may not grow: ${what}`, () => {
      assert.deepEqual(growth("e1", weights(change)), [finding]);
    });
  }

  it("is shown by its least in each fifth of a run, where a collector's ups and downs are gone", () => {
    const flat = weights(() => ({}));
    assert.deepEqual(lows(flat, "memory"), [90_000, 90_000, 90_000, 90_000, 90_000]);
    const grows = weights((index) => ({ memory: 90_000 + (index % 2) * 5_000 + index * 10 }));
    assert.deepEqual(lows(grows, "memory"), [90_000, 90_080, 90_160, 90_240, 90_320]);
    assert.deepEqual(lows(weights(() => ({})).slice(0, 7), "objects"), [80, 80, 80, 80, 80]);
  });

  it("says nothing of a run that was too short", () => {
    assert.deepEqual(growth("e1", weights((index) => ({ memory: index * 90_000 })).slice(0, 10)), []);
  });
});
