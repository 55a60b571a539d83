import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, type Instant, instant, micros, millis, seconds } from "#base/time";
import { DEFAULT_OWNERSHIP as CONFIG } from "./config.ts";
import {
  afterLapse,
  calmAt,
  noteGap,
  type Patience,
  patienceTime,
  relaxed,
  STEPS,
  timesOfStep,
  USUAL_PATIENCE,
} from "./patience.ts";

const START = instant(1_000_000_000);
const at = (second: number): Instant => after(START, seconds(second));
/** So many standstills, one a second, until the start. */
const lapses = (count: number): readonly Instant[] =>
  Array.from({ length: count }, (_, index) => at(index - count));

const asked = (step: number, now = START): Patience => {
  let patience = USUAL_PATIENCE;
  while (patience.step < step) patience = afterLapse(patience, lapses(4), now);
  return patience;
};

/** Asks for less as soon as it may, until it asks for nothing; gives when that is. */
const calmed = (before: Patience): { readonly patience: Patience; readonly now: Instant } => {
  let [patience, now] = [before, START];
  for (let due = calmAt(patience); due !== undefined; due = calmAt(patience)) {
    now = due;
    assert.equal(relaxed(patience, instant(now - 1)), patience, "not before its time");
    patience = relaxed(patience, now);
  }
  return { patience, now };
};

describe("patience", () => {
  it("is asked for with the fourth standstill, and not before", () => {
    assert.equal(afterLapse(USUAL_PATIENCE, lapses(3), START), USUAL_PATIENCE);
    assert.equal(afterLapse(USUAL_PATIENCE, lapses(4), START).step, 1);
  });

  it("is a quarter of a second as configured, then one second, then three, and no more", () => {
    const waits = Array.from({ length: STEPS + 1 }, (_, step) =>
      patienceTime(CONFIG, asked(Math.min(step, STEPS - 1))),
    );
    assert.deepEqual(waits, [millis(250), seconds(1), seconds(3), seconds(3)]);
    const longest = asked(STEPS - 1);
    assert.equal(afterLapse(longest, lapses(1), START), longest);
  });

  it("grows with the first standstill that it does not cover", () => {
    assert.equal(afterLapse(asked(1), lapses(1), START).step, 2);
  });

  it("asks for no multiplier that a packet has no room for", () => {
    const most = { ...CONFIG, bfdMultiplier: 50 };
    assert.equal(timesOfStep(most, STEPS - 1).bfdMultiplier, 255);
    assert.equal(timesOfStep(CONFIG, 0), CONFIG);
  });

  it("is given back step by step after two minutes each", () => {
    const { patience, now } = calmed(asked(2));
    assert.equal(patience.step, 0);
    assert.equal(now, at(240));
  });

  it("lasts as long as it is needed: what the step below would not cover counts", () => {
    const one = asked(1);
    assert.equal(noteGap(CONFIG, one, millis(250), at(60)), one);
    assert.equal(calmAt(noteGap(CONFIG, one, micros(250_001), at(60))), at(180));
    const two = asked(2);
    assert.equal(noteGap(CONFIG, two, seconds(1), at(60)), two);
    assert.equal(noteGap(CONFIG, USUAL_PATIENCE, seconds(5), at(60)), USUAL_PATIENCE);
  });

  it("lasts twice as long each time that its end was too early, up to 32 minutes", () => {
    let { patience, now } = calmed(asked(1));
    const lasted: number[] = [];
    for (let round = 0; round < 6; round += 1) {
      const began = after(now, seconds(10));
      patience = afterLapse(patience, lapses(4), began);
      const due = calmAt(patience) ?? began;
      lasted.push((due - began) / seconds(60));
      patience = relaxed(patience, due);
      now = due;
    }
    assert.deepEqual(lasted, [4, 8, 16, 32, 32, 32]);
    const muchLater = after(now, seconds(7_200));
    assert.equal(calmAt(afterLapse(patience, lapses(4), muchLater)), after(muchLater, seconds(120)));
  });
});
