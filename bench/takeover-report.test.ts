import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Mode, type Run, reportTakeover } from "./takeover-report.ts";

const run = (mode: Mode, program: Run["program"], gapMs: number): Run => ({
  mode,
  intervalMs: 200,
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

describe("the report on takeovers", () => {
  it("holds the ratio of medians against the bar, to one step of the faults, and shows that of paired runs beside it", () => {
    const gaps = [
      [500, 510],
      [660, 600],
      [770, 780],
    ] as const;
    const ratioBar = barsOf(gaps)[1];
    assert.deepEqual([ratioBar?.measured, ratioBar?.met], ["1.100", true]);
    const twenty = Array.from({ length: 20 }, () => [620, 600] as const);
    assert.deepEqual([barsOf(twenty)[1]?.limit, barsOf(twenty)[1]?.met], ["at most 1.00, to 0.017", false]);
    const nearly = Array.from({ length: 20 }, () => [609, 600] as const);
    assert.equal(barsOf(nearly)[1]?.met, true);
    const [table] = reportTakeover(
      gaps.flatMap(([ours, theirs]) => [
        run("silent", "steelyard", ours),
        run("silent", "keepalived", theirs),
      ]),
    ).tables;
    assert.deepEqual(table?.rows[0]?.slice(-2), ["1.10", "0.99"]);
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
