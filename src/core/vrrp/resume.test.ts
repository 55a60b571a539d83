import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { after, instant, micros, millis, seconds } from "#base/time";
import { virtualRouter } from "#testing/values";
import type { VirtualRouterConfig } from "./config.ts";
import { formatPastRun, formatStamps, mayResume, type PastRun, parsePastRun } from "./resume.ts";
import { activeDownInterval } from "./timers.ts";

const SPOKE = instant(123_456_789);
const PAST: PastRun = {
  bootId: "boot",
  routers: [
    { name: "v51", linkIndex: 2, vrid: 51, family: "IPv4", version: 3, interval: seconds(1), spokeAt: SPOKE },
  ],
  healthyChecks: ["app"],
};

/** Whether the router of the record resumes after this much silence. */
const resumes = (silence: number, config: Partial<VirtualRouterConfig> = {}): boolean =>
  mayResume(virtualRouter(config), 2, { past: PAST, bootId: "boot", now: after(SPOKE, micros(silence)) });

describe("the record of a run", () => {
  it("is read as it was written", () => {
    assert.deepEqual(parsePastRun(formatPastRun(PAST)), PAST);
    const nobody = { ...PAST, routers: [], healthyChecks: [] };
    assert.deepEqual(parsePastRun(formatPastRun(nobody)), nobody);
  });

  it("takes newer stamps in place of the older", () => {
    const stamps = formatStamps([after(SPOKE, seconds(1))]);
    const text = formatPastRun(PAST);
    const read = parsePastRun(stamps + text.slice(stamps.length));
    assert.equal(read?.routers[0]?.spokeAt, after(SPOKE, seconds(1)));
  });

  it("is no record when it was cut off anywhere", () => {
    const text = formatPastRun(PAST).trimEnd();
    for (let length = 0; length < text.length; length += 1) {
      assert.equal(parsePastRun(text.slice(0, length)), undefined, text.slice(0, length));
    }
  });

  it("is never trusted: no text makes the reader throw", () => {
    const json = fc.json().map((text) => `${formatStamps([SPOKE])}${text}`);
    fc.assert(fc.property(fc.oneof(fc.string(), json), (text) => void parsePastRun(text)));
    const damaged = formatPastRun(PAST);
    fc.assert(
      fc.property(fc.nat(damaged.length), fc.string({ maxLength: 3 }), (at, noise) => {
        const past = parsePastRun(damaged.slice(0, at) + noise + damaged.slice(at + noise.length));
        for (const { spokeAt, interval } of past?.routers ?? []) {
          assert.ok(Number.isFinite(spokeAt) && interval > 0);
        }
      }),
    );
  });
});

describe("a router resumes", () => {
  it("until the most patient backup has taken over, when it would preempt that one anyway", () => {
    const limit = activeDownInterval({ version: 3, priority: 1, activeAdverInterval: seconds(1) });
    assert.deepEqual([resumes(0), resumes(limit - 1), resumes(limit)], [true, true, false]);
  });

  for (const [how, config] of [
    ["must not preempt", { preempt: false }],
    ["preempts later only", { preemptDelay: millis(1) }],
  ] as const) {
    it(`until a backup that is no better can have taken over, when it ${how}`, () => {
      const limit = activeDownInterval({ version: 3, priority: 100, activeAdverInterval: seconds(1) });
      assert.deepEqual([resumes(limit - 1, config), resumes(limit, config)], [true, false]);
    });
  }

  it("by the interval that it advertised, not by that of its new configuration", () => {
    assert.ok(resumes(seconds(3), { advertisementInterval: millis(100) }));
    assert.ok(!resumes(seconds(5), { advertisementInterval: seconds(10) }));
  });

  it("not by a clock of the past", () => assert.ok(!resumes(-1)));
});
