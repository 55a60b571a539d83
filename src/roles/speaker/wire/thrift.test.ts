import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, type Instant, instant, seconds } from "#base/time";
import { createDeadlines } from "#runtime/deadlines";
import { Thrift } from "./thrift.ts";

const bench = () => {
  let now: Instant = instant(0);
  let times = 0;
  const deadlines = createDeadlines({ now: () => now, wake: () => {} });
  const giveBack = (): void => {
    times += 1;
  };
  const thrift = new Thrift({ deadlines, now: () => now, giveBack });
  const pass = (time: number): number => {
    now = after(now, seconds(time));
    deadlines.runDue();
    return times;
  };
  return { thrift, pass };
};

describe("the memory of a wire process", () => {
  it("is given back after the start, once nothing has happened for a while", () => {
    const { pass } = bench();
    assert.deepEqual([pass(9), pass(1), pass(3_600)], [0, 1, 1]);
  });

  it("is given back after much work, never in the midst of it, and not for little", () => {
    const { thrift, pass } = bench();
    pass(10);
    thrift.note(99);
    assert.equal(pass(3_600), 1);
    for (let times = 0; times < 20; times += 1) {
      thrift.note(1);
      assert.equal(pass(9), 1);
    }
    assert.equal(pass(1), 2);
  });
});
