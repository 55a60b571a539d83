import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Mode, type Run, reportTakeover } from "./takeover-report.ts";

const run = (mode: Mode, program: Run["program"], gapMs: number): Run => ({
  mode,
  intervalMs: 200,
  share: 0,
  program,
  gapMs,
  recovered: true,
  sinceAdvertMs: 724,
  detectionMs: 722,
  noiseMs: 3,
});

const barsOf = (gaps: readonly (readonly [number, number])[]) =>
  reportTakeover(
    gaps.flatMap(([ours, theirs]) => [run("silent", "steelyard", ours), run("silent", "keepalived", theirs)]),
  ).bars.filter(({ what }) => what.startsWith("silent"));

/** The bar of runs that took so long from the last advertisement until there were answers, two by two. */
const comparisonOf = (times: readonly (readonly [number, number])[]) => {
  const { bars } = reportTakeover(
    times.flatMap(([ours, theirs], share) => [
      { ...run("silent", "steelyard", 600), share, sinceAdvertMs: ours },
      { ...run("silent", "keepalived", 600), share, sinceAdvertMs: theirs },
    ]),
  );
  const bar = bars.find(({ what }) => what.includes("keepalived"));
  return bar === undefined ? undefined : [bar.measured, bar.met];
};

describe("the report on takeovers", () => {
  it("holds what paired runs tell against the bar: slower by no amount that can be told from none", () => {
    const measured = (ratios: readonly number[]) => comparisonOf(ratios.map((ratio) => [724 * ratio, 724]));
    const evenly = [0.97, 0.98, 0.99, 1, 1.01, 1.02, 1.03];
    assert.deepEqual(measured([...evenly.slice(0, 4), ...evenly.slice(0, 4)]), [
      "0.980 (0.970 to 1.000)",
      true,
    ]);
    // Eight of eight a little slower is no chance.
    assert.deepEqual(measured(Array.from({ length: 8 }, () => 1.001)), ["1.001 (1.001 to 1.001)", false]);
    // Nothing can be told, but 3 % cannot be ruled out either.
    assert.deepEqual(measured(evenly), ["1.000 (0.970 to 1.030)", false]);
    assert.deepEqual(measured([0.99, 1, 1, 1, 1.01, 1.02, 1.02]), ["1.000 (0.990 to 1.020)", true]);
  });

  it("says nothing of a handful of runs, and holds no ratio at 10 ms, where all is best effort", () => {
    assert.equal(
      comparisonOf([
        [730, 724],
        [730, 724],
        [730, 724],
      ]),
      undefined,
    );
    const runs = Array.from({ length: 10 }, (_, index) => [
      { ...run("silent", "steelyard", 40), share: index, intervalMs: 10 },
      { ...run("silent", "keepalived", 30), share: index, intervalMs: 10 },
    ]).flat();
    const { bars } = reportTakeover(runs);
    assert.deepEqual(
      bars.filter(({ what }) => what.startsWith("silent")),
      [{ what: "silent, 10 ms: median gap", limit: "below 60.0 ms", measured: "40.0 ms", met: true }],
    );
  });

  it("misses the bar at three intervals, the skew and 20 ms: 741.875 ms at 200 ms and priority 100", () => {
    assert.equal(barsOf([[742, 742]])[0]?.met, false);
    assert.equal(barsOf([[741.8, 742]])[0]?.met, true);
  });

  it("counts runs in which answers never came again", () => {
    const lost = { ...run("link", "steelyard", 3_000), recovered: false };
    const [table] = reportTakeover([lost, run("link", "keepalived", 600)]).tables;
    assert.ok(table?.notes?.some((note) => note.includes("1 runs") || note.includes("1 run")));
  });
});
