import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { millis, seconds } from "#base/time";
import { backoffDelay } from "./backoff.ts";

const BACKOFF = { first: millis(200), most: seconds(30) };

describe("backoffDelay", () => {
  it("doubles with each failure in a row, up to the bound", () => {
    const waits = [1, 2, 3, 8, 9, 10_000].map((failures) => backoffDelay(BACKOFF, { failures, spread: 0 }));
    assert.deepEqual(waits, [
      millis(100),
      millis(200),
      millis(400),
      millis(12_800),
      seconds(15),
      seconds(15),
    ]);
  });

  it("is never below half nor above the whole of its step", () => {
    fc.assert(
      fc.property(fc.nat(2_000), fc.double({ min: 0, max: 0.999_999, noNaN: true }), (failures, spread) => {
        const wait = backoffDelay(BACKOFF, { failures, spread });
        const whole = Math.min(BACKOFF.most, BACKOFF.first * 2 ** Math.max(0, Math.min(failures, 30) - 1));
        assert.ok(wait >= whole / 2 && wait <= whole, `${failures} ${spread} ${wait}`);
      }),
    );
  });
});
