import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Instant, instant } from "#base/time";
import { Deadlines } from "./deadlines.ts";

describe("many deadlines", () => {
  const actions = fc.array(
    fc.record({ key: fc.nat(20), at: fc.option(fc.nat(50), { nil: undefined }), takes: fc.boolean() }),
    { maxLength: 300 },
  );

  it("are what a plain list would make of them", () => {
    fc.assert(
      fc.property(actions, (list) => {
        const deadlines = new Deadlines<number>();
        const plain = new Map<number, Instant>();
        for (const { key, at, takes } of list) {
          if (takes && at !== undefined) {
            const due = deadlines.takeDue(instant(at));
            const times = due.map((each) => plain.get(each) ?? Number.NaN);
            assert.deepEqual(
              times,
              times.toSorted((a, b) => a - b),
              "earliest first",
            );
            const expected = [...plain].filter(([, each]) => each <= at).map(([each]) => each);
            assert.deepEqual([...due].sort(), expected.sort());
            for (const each of due) plain.delete(each);
          } else if (at === undefined) {
            deadlines.set(key, undefined);
            plain.delete(key);
          } else {
            deadlines.set(key, instant(at));
            plain.set(key, instant(at));
          }
          const next = plain.size === 0 ? undefined : Math.min(...plain.values());
          assert.equal(deadlines.next(), next);
        }
      }),
    );
  });

  it("are taken away a few at a time, if that is asked for, and the others stay due", () => {
    const deadlines = new Deadlines<number>();
    for (const key of [5, 3, 1, 4, 2]) deadlines.set(key, instant(key));
    assert.deepEqual(deadlines.takeDue(instant(4), 3), [1, 2, 3]);
    assert.equal(deadlines.next(), 4);
    assert.deepEqual(deadlines.takeDue(instant(4), 3), [4]);
  });

  it("do not keep what was put off, however often", () => {
    const deadlines = new Deadlines<string>();
    deadlines.set("early", instant(0));
    for (let at = 1; at <= 100_000; at += 1) deadlines.set("late", instant(at));
    assert.deepEqual(deadlines.takeDue(instant(0)), ["early"]);
    assert.equal(deadlines.next(), 100_000);
    assert.ok(deadlines.kept < 200, `${deadlines.kept}`);
  });
});
