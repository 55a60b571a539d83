import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { estimate, pairedRatios } from "./takeover-pairs.ts";
import type { Run } from "./takeover-report.ts";

const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index + 1);

describe("the estimate of a median", () => {
  // The ranks that tables of the sign test give for 95 %.
  for (const [count, low, high, median] of [
    [6, 1, 6, 3.5],
    [8, 1, 8, 4.5],
    [9, 2, 8, 5],
    [12, 3, 10, 6.5],
    [20, 6, 15, 10.5],
    [40, 14, 27, 20.5],
  ] as const) {
    it(`lies between the ${low}. and the ${high}. of ${count} measurements`, () => {
      assert.deepEqual(estimate([...upTo(count)].reverse()), { median, low, high });
    });
  }

  it("is none for fewer than six, which may all lie on one side", () => {
    for (const count of upTo(6)) assert.equal(estimate(upTo(count - 1)), undefined);
  });

  it("cares for no outlier", () => {
    assert.deepEqual(estimate([...upTo(19), 1e9]), { median: 10.5, low: 6, high: 15 });
  });
});

describe("paired ratios", () => {
  const run = (program: Run["program"], share: number, sinceAdvertMs: number): Run => ({
    ...{ mode: "silent", intervalMs: 50, share, program, sinceAdvertMs },
    ...{ gapMs: 160, recovered: true, detectionMs: 181, noiseMs: 3 },
  });

  it("compare runs that met their fault at the same point, in whatever order they came", () => {
    const runs = [
      run("steelyard", 0.25, 90),
      run("keepalived", 0.75, 200),
      run("keepalived", 0.25, 100),
      run("steelyard", 0.75, 220),
      run("steelyard", 0.5, 1),
      { ...run("keepalived", 0.5, 1), mode: "link" as const },
    ];
    assert.deepEqual(pairedRatios(runs), [0.9, 1.1]);
  });
});
