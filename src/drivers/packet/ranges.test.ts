import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { coveringRanges } from "./ranges.ts";

const word = fc.oneof(fc.nat(200), fc.integer({ min: 0, max: 0xffff_ffff }));
const words = fc.array(word, { maxLength: 60 }).map((list) => Uint32Array.from(list));

const holds = (ranges: ReturnType<typeof coveringRanges>, value: number): boolean =>
  ranges.some(({ low, high }) => low <= value && value <= high);

describe("ranges that cover numbers", () => {
  it("are exactly the runs of the numbers when those are few", () => {
    const numbers = Uint32Array.of(9, 7, 8, 1, 0xffff_ffff, 1, 0);
    assert.deepEqual(coveringRanges(numbers, 3), [
      { low: 0, high: 1 },
      { low: 7, high: 9 },
      { low: 0xffff_ffff, high: 0xffff_ffff },
    ]);
    assert.deepEqual(coveringRanges(new Uint32Array(0), 3), []);
  });

  it("close the smallest gaps when there are many", () => {
    const numbers = Uint32Array.of(0, 2, 10, 12, 100);
    assert.deepEqual(coveringRanges(numbers, 3), [
      { low: 0, high: 2 },
      { low: 10, high: 12 },
      { low: 100, high: 100 },
    ]);
    assert.deepEqual(coveringRanges(numbers, 4).length, 4);
    assert.deepEqual(coveringRanges(numbers, 1), [{ low: 0, high: 100 }]);
  });

  it("hold every number, in order and apart, and are never more than allowed", () => {
    fc.assert(
      fc.property(words, fc.integer({ min: 1, max: 12 }), (numbers, most) => {
        const ranges = coveringRanges(numbers, most);
        assert.ok(ranges.length <= most);
        for (const value of numbers) assert.ok(holds(ranges, value));
        for (const [index, { low, high }] of ranges.entries()) {
          assert.ok(low <= high && numbers.includes(low) && numbers.includes(high));
          assert.ok(low > (ranges[index - 1]?.high ?? -1));
        }
      }),
    );
  });

  it("are as many as allowed when the numbers have that many gaps", () => {
    fc.assert(
      fc.property(words, fc.integer({ min: 1, max: 12 }), (numbers, most) => {
        const runs = coveringRanges(numbers, Number.POSITIVE_INFINITY).length;
        assert.equal(coveringRanges(numbers, most).length, Math.min(runs, most));
      }),
    );
  });
});
