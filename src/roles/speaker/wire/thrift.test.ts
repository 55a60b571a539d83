import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, type Instant, instant, seconds } from "#base/time";
import { createDeadlines } from "#runtime/deadlines";
import { Thrift } from "./thrift.ts";

const bench = () => {
  let now: Instant = instant(0);
  const said: string[] = [];
  const deadlines = createDeadlines({ now: () => now, wake: () => {} });
  const thrift = new Thrift({
    ...{ deadlines, now: () => now },
    rest: () => void said.push("rest"),
    expectWork: () => void said.push("expect work"),
  });
  return {
    thrift,
    /** What was said by then. */
    pass: (time: number): readonly string[] => {
      now = after(now, seconds(time));
      deadlines.runDue();
      return said.splice(0);
    },
  };
};

describe("the memory of a wire process", () => {
  it("is given back after the start, once nothing has happened for a while", () => {
    const { pass } = bench();
    assert.deepEqual([pass(9), pass(1), pass(3_600)], [[], ["rest"], []]);
  });

  it("may grow before much work, and is given back after it, never in the midst of it, and not for little", () => {
    const { thrift, pass } = bench();
    pass(10);
    thrift.note(99);
    assert.deepEqual(pass(3_600), []);
    thrift.note(1);
    assert.deepEqual(pass(9), ["expect work"]);
    for (let times = 0; times < 20; times += 1) {
      thrift.note(1);
      assert.deepEqual(pass(9), []);
    }
    assert.deepEqual(pass(1), ["rest"]);
  });
});
