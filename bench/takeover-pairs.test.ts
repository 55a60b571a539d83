import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compareTakeovers } from "./takeover-pairs.ts";
import type { Run } from "./takeover-report.ts";

const run = (program: Run["program"], share: number, sinceAdvertMs: number): Run => ({
  ...{ mode: "silent", intervalMs: 50, share, program, sinceAdvertMs },
  ...{ gapMs: 160, recovered: true, detectionMs: 181, noiseMs: 3 },
});

/** Both programs at as many points, steelyard by so much slower. */
const runsOf = (ratios: readonly number[]): readonly Run[] =>
  ratios.flatMap((ratio, share) => [run("steelyard", share, 100 * ratio), run("keepalived", share, 100)]);

describe("takeovers compared run by run", () => {
  it("are those that met their fault at the same point, in whatever order they came", () => {
    const ratios = [0.9, 0.94, 0.98, 1.02, 1.06, 1.1];
    const shuffled = [...runsOf(ratios)].sort((a, b) => a.sinceAdvertMs - b.sinceAdvertMs);
    const strangers = [
      run("steelyard", 99, 1),
      { ...run("keepalived", 99, 100), mode: "link" as const },
      { ...run("keepalived", 99, 100), intervalMs: 200 },
    ];
    const found = compareTakeovers([...strangers, ...shuffled]);
    assert.deepEqual([found?.median, found?.low, found?.high], [0.98, 0.9, 1.1]);
  });

  it("say nothing when they are fewer than six", () => {
    assert.equal(compareTakeovers(runsOf([1, 1, 1, 1, 1])), undefined);
    assert.notEqual(compareTakeovers(runsOf([1, 1, 1, 1, 1, 1])), undefined);
    assert.equal(compareTakeovers([]), undefined);
  });
});
