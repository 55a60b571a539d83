import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { describeRatio, pairedRatio, reaches } from "./paired.ts";

const ones = (count: number): readonly number[] => Array.from({ length: count }, () => 1);

describe("the ratio of two programs in the same rounds", () => {
  it("is that of each round, so that a slow round counts for both", () => {
    const { median, low, high } = pairedRatio([100, 10, 50], [50, 5, 25]);
    assert.deepEqual([median, low, high], [2, 2, 2]);
  });

  it("has the interval of all rounds while they are few, and says how sure that is", () => {
    const { low, high, confidence } = pairedRatio([0.9, 1.1, 1, 1.05, 0.95], ones(5));
    assert.deepEqual([low, high, confidence], [0.9, 1.1, 0.9375]);
  });

  it("leaves out the outermost rounds when 95 % remain without them", () => {
    const rounds = [0.1, 0.9, 0.95, 1, 1, 1.01, 1.05, 1.1, 9];
    const { low, high, confidence } = pairedRatio(rounds, ones(9));
    assert.deepEqual([low, high], [0.9, 1.1]);
    assert.ok(confidence >= 0.95);
  });

  for (const [what, rounds, reached] of [
    ["its median is above", [1.01, 1.2, 0.8], true],
    ["rounds agree on a little less, and some are above", [0.99, 0.985, 1.01], true],
    ["every round is below", [0.99, 0.98, 0.995], false],
    ["it is below, and the rounds do not agree", [0.7, 0.9, 1.3], false],
  ] as const) {
    it(`${reached ? "reaches" : "misses"} a bar when ${what}`, () => {
      assert.equal(reaches(pairedRatio(rounds, ones(3)), 1), reached);
    });
  }

  it("is shown with its interval", () => {
    assert.equal(describeRatio(pairedRatio([0.98, 1, 1.0244], ones(3))), "1.000 (0.98 to 1.02)");
  });
});
