import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type JitterRun, reportJitter } from "./jitter-report.ts";

const RUN: JitterRun = {
  ...{ program: "steelyard", intervalMs: 200, realtime: true, load: "reloads", seconds: 120, reloads: 9 },
  ...{ latenessMs: [0, -0.2, 10], takeovers: 0 },
};

const barsOf = (more: Partial<JitterRun>) =>
  reportJitter([{ ...RUN, ...more }]).bars.map(({ what, measured, met }) => `${what}: ${measured} ${met}`);

describe("the report on jitter", () => {
  it("holds every interval from 50 ms up to no late advertisement and no false takeover, and none below", () => {
    const met = [
      "200 ms, real-time, load: reloads, 120 s: late by more than 10 ms: 0 true",
      "200 ms, real-time, load: reloads, 120 s: false takeovers: 0 true",
    ];
    assert.deepEqual(barsOf({}), met);
    assert.equal(barsOf({ intervalMs: 50 }).length, 2);
    assert.deepEqual(barsOf({ intervalMs: 40 }), []);
    assert.deepEqual(barsOf({ program: "keepalived" }), []);
  });

  it("misses them by one advertisement that is late by more than 10 ms, and by one takeover", () => {
    const [late, takeovers] = barsOf({ latenessMs: [0, 10.1], takeovers: 1 });
    assert.match(String(late), /: 1 false$/);
    assert.match(String(takeovers), /: 1 false$/);
  });

  it("holds what has no real-time priority to the same, and says the reason beside it", () => {
    assert.deepEqual(barsOf({ realtime: false, latenessMs: [30] }), [
      "200 ms, load: reloads, 120 s: late by more than 10 ms (no real-time priority: neighbours share the CPU with it): 1 false",
      "200 ms, load: reloads, 120 s: false takeovers: 0 true",
    ]);
  });
});
