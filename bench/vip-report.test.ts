import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Fault, type Program, reportVip, type VipRun } from "./vip-report.ts";

const run = (program: Program, fault: Fault, outageMs: number, more: Partial<VipRun> = {}): VipRun => ({
  ...{ program, fault, outageMs, returnMs: 20, movedBack: program !== "steelyard", requests: 100 },
  ...more,
});

const round = (
  fault: Fault,
  [ours, documented, tuned]: readonly [number, number, number],
): readonly VipRun[] => [
  run("steelyard", fault, ours),
  run("documented", fault, documented),
  run("tuned", fault, tuned),
];

describe("the report on the API server's address", () => {
  it("shows median, worst and how many times longer keepalived's users waited", () => {
    const [outages] = reportVip([
      ...round("kill", [900, 28_000, 2_000]),
      ...round("kill", [1_000, 30_000, 3_000]),
      ...round("kill", [1_300, 31_000, 2_500]),
    ]).tables;
    assert.deepEqual(outages?.rows, [
      ["API server killed", "steelyard", "3", "900", "1000", "1300", ""],
      ["", "keepalived, documented", "3", "28000", "30000", "31000", "30.0 x"],
      ["", "keepalived, tuned", "3", "2000", "2500", "3000", "2.5 x"],
    ]);
  });

  it("keeps the restart of all of Kubernetes apart, where there is no return", () => {
    const { tables } = reportVip([
      ...round("link", [700, 3_500, 700]),
      ...round("restart", [2_000, 10, 10]).map((each) => ({ ...each, returnMs: Number.NaN })),
    ]);
    assert.deepEqual(
      tables.map(({ rows }) => rows.map(([fault]) => fault).filter((fault) => fault !== "")),
      [["cable pulled"], ["cable pulled"], ["cable pulled"], ["all of Kubernetes restarted"]],
    );
  });

  it("tells of every move back, and blames none for a host that was silent and never gave the address up", () => {
    const silent = run("steelyard", "silent", 700, { movedBack: true });
    const { tables, bars } = reportVip([
      silent,
      run("documented", "silent", 3_500),
      run("tuned", "silent", 700),
    ]);
    assert.deepEqual(tables[2]?.rows, [["host is silent", "1 of 1", "1 of 1", "1 of 1"]]);
    assert.deepEqual(
      bars.map(({ met }) => met),
      [true, true],
    );
  });

  it("misses the bar when the documented setup is quicker, and when our address moves back by itself", () => {
    const met = (runs: readonly VipRun[]) => reportVip(runs).bars.map((bar) => bar.met);
    assert.deepEqual(met(round("kill", [900, 30_000, 800])), [true, true]);
    assert.deepEqual(met(round("kill", [31_000, 30_000, 2_000])), [false, true]);
    assert.deepEqual(
      met([run("steelyard", "kill", 900, { movedBack: true }), run("documented", "kill", 30_000)]),
      [true, false],
    );
  });
});
