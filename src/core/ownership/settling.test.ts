import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, type Duration, type Instant, instant, millis, seconds } from "#base/time";
import { DEFAULT_OWNERSHIP } from "./config.ts";
import { type Settling, settleAfterLapse, settleAnew } from "./settling.ts";

const T0 = instant(9_000_000);
const at = (duration: Duration): Instant => after(T0, duration);
const CALM: Settling = { until: T0, lapses: [] };

/** In seconds, how long a node waits after each of its lapses, which are so far apart. */
const waits = (count: number, pause: Duration): readonly number[] => {
  let settling = CALM;
  return Array.from({ length: count }, (_, index) => {
    const now = at(millis((pause / 1_000) * index));
    settling = settleAfterLapse(DEFAULT_OWNERSHIP, settling, now);
    return (settling.until - now) / 1_000_000;
  });
};

describe("the wait before a node takes addresses back", () => {
  it("doubles with each standstill after the third, up to four minutes", () => {
    assert.deepEqual(waits(9, seconds(60)), [15, 15, 15, 30, 60, 120, 240, 240, 240]);
  });

  it("stays as it is for one that is seldom ill", () => {
    assert.deepEqual(waits(6, seconds(200)), [15, 15, 15, 15, 15, 15]);
  });

  it("counts what follows at once as the same lapse", () => {
    assert.deepEqual(waits(4, millis(250)), [15, 15, 15, 15]);
  });

  it("is the usual one again after eight minutes without a lapse", () => {
    let settling = CALM;
    for (let minute = 0; minute < 7; minute += 1)
      settling = settleAfterLapse(DEFAULT_OWNERSHIP, settling, at(seconds(60 * minute)));
    const later = at(seconds(360 + 480));
    assert.equal(settleAfterLapse(DEFAULT_OWNERSHIP, settling, later).until, after(later, seconds(15)));
  });

  it("never ends sooner because of another reason to wait", () => {
    const long: Settling = { until: at(seconds(100)), lapses: [] };
    assert.equal(settleAnew(DEFAULT_OWNERSHIP, long, T0).until, at(seconds(100)));
    assert.equal(settleAfterLapse(DEFAULT_OWNERSHIP, long, T0).until, at(seconds(100)));
    assert.equal(settleAnew(DEFAULT_OWNERSHIP, CALM, T0).until, at(seconds(15)));
  });
});
