import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { median, quantile, spread, summarize } from "./statistics.ts";

describe("statistics", () => {
  it("gives measured values, by nearest rank", () => {
    const values = [30, 10, 50, 20, 40];
    assert.equal(median(values), 30);
    assert.equal(median([4, 1, 3, 2]), 2);
    assert.equal(quantile(values, 0.9), 50);
    assert.equal(quantile([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0.9), 9);
  });

  it("leaves the measurements in their order", () => {
    const values = [3, 1, 2];
    summarize(values);
    assert.deepEqual(values, [3, 1, 2]);
  });

  it("sums up one measurement as itself, and none as not a number", () => {
    assert.deepEqual(summarize([7]), { count: 1, min: 7, median: 7, p90: 7, p99: 7, max: 7 });
    const none = summarize([]);
    assert.equal(none.count, 0);
    assert.ok([none.min, none.median, none.p90, none.p99, none.max].every(Number.isNaN));
  });

  it("spreads faults evenly over an interval, each point once, and the first few widely", () => {
    assert.deepEqual([...spread(4)].sort(), [0.125, 0.375, 0.625, 0.875]);
    const first = spread(20).slice(0, 4);
    const sorted = [...first].sort((a, b) => a - b);
    for (const [index, share] of sorted.entries())
      assert.ok(index === 0 || share - (sorted[index - 1] ?? 0) > 0.1, String(first));
    assert.deepEqual(spread(0), []);
  });
});
