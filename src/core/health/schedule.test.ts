import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { instant, micros, seconds } from "#base/time";
import { FIRST_ROUND_SPREAD, firstRoundAt, firstRoundSpread, gridPoint, phaseOf } from "./schedule.ts";

describe("schedule", () => {
  it("spreads a thousand names evenly over the interval", () => {
    const slices = new Array<number>(10).fill(0);
    for (let index = 0; index < 1_000; index += 1) {
      const slice = Math.floor((phaseOf(`web/node-${index}`, seconds(2)) * 10) / seconds(2));
      slices[slice] = (slices[slice] ?? 0) + 1;
    }
    for (const count of slices) assert.ok(count > 60 && count < 140, `${slices}`);
  });

  it("gives a name the same place every time", () => {
    assert.equal(phaseOf("web/node-1", seconds(2)), phaseOf("web/node-1", seconds(2)));
    assert.notEqual(phaseOf("web/node-1", seconds(2)), phaseOf("web/node-2", seconds(2)));
  });

  it("asks for the first time within the given time", () => {
    const now = instant(77);
    for (let index = 0; index < 100; index += 1) {
      const wait = firstRoundAt(`node-${index}`, FIRST_ROUND_SPREAD, now) - now;
      assert.ok(wait >= 0 && wait < FIRST_ROUND_SPREAD);
    }
  });

  it("does not let a few subjects wait as long as a thousand", () => {
    assert.equal(firstRoundSpread(3), micros(600));
    assert.equal(firstRoundSpread(1_000), FIRST_ROUND_SPREAD);
    assert.equal(firstRoundSpread(50_000), FIRST_ROUND_SPREAD);
  });

  it("gives the nearest grid point that has not passed", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000_000 }),
        fc.integer({ min: 0, max: 9_999_999 }),
        fc.integer({ min: 0, max: 2 ** 45 }),
        (interval, shift, earliest) => {
          const phase = micros(shift % interval);
          const point = gridPoint({ interval: micros(interval), phase }, instant(earliest));
          assert.equal((point - phase) % interval, 0);
          assert.ok(point >= earliest && point < earliest + interval);
        },
      ),
    );
  });
});
