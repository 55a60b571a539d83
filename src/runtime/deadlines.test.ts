import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Instant, instant } from "#base/time";
import { createDeadlines } from "./deadlines.ts";

const bench = () => {
  let time = instant(0);
  let armed: Instant | undefined;
  const clock = {
    now: () => time,
    wake: (at: Instant | undefined) => {
      armed = at;
    },
  };
  const deadlines = createDeadlines(clock);
  return {
    deadlines,
    armed: () => armed,
    goTo: (at: number) => {
      time = instant(at);
      if (armed !== undefined && armed <= time) armed = undefined;
      deadlines.runDue();
    },
  };
};

describe("deadlines", () => {
  it("asks the clock for the earliest deadline only", () => {
    const { deadlines, armed } = bench();
    deadlines.set("a", instant(50), () => {});
    deadlines.set("b", instant(20), () => {});
    deadlines.set("c", instant(90), () => {});
    assert.equal(armed(), 20);
  });

  it("does not run anything one microsecond early, and runs it at the deadline", () => {
    const { deadlines, goTo } = bench();
    const ran: number[] = [];
    deadlines.set("a", instant(50), (now) => ran.push(now));
    goTo(49);
    assert.deepEqual(ran, []);
    goTo(50);
    assert.deepEqual(ran, [50]);
  });

  it("forgets a replaced or cancelled deadline", () => {
    const { deadlines, goTo, armed } = bench();
    const ran: string[] = [];
    deadlines.set("a", instant(10), () => ran.push("old"));
    deadlines.set("a", instant(30), () => ran.push("new"));
    deadlines.set("b", instant(10), () => ran.push("cancelled"));
    deadlines.set("b", undefined, () => {});
    assert.equal(armed(), 30);
    goTo(20);
    assert.deepEqual(ran, []);
    goTo(30);
    assert.deepEqual(ran, ["new"]);
    assert.equal(armed(), undefined);
  });

  it("lets a machine set its next deadline while it runs", () => {
    const { deadlines, goTo, armed } = bench();
    const ran: number[] = [];
    const tick = (now: Instant): void => {
      ran.push(now);
      if (ran.length < 3) deadlines.set("a", instant(ran.length * 10), tick);
    };
    deadlines.set("a", instant(0), tick);
    goTo(15);
    assert.deepEqual(ran, [15, 15]);
    assert.equal(armed(), 20);
  });

  it("runs in the order of the deadlines whatever the order of setting", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1_000), { maxLength: 60 }), (times) => {
        const { deadlines, goTo } = bench();
        const ran: number[] = [];
        for (const [index, at] of times.entries()) deadlines.set(`${index}`, instant(at), () => ran.push(at));
        goTo(1_000);
        assert.deepEqual(
          ran,
          times.toSorted((left, right) => left - right),
        );
      }),
    );
  });

  it("keeps one place for each machine, however often it moves its deadline", () => {
    const { deadlines, goTo, armed } = bench();
    const ran: string[] = [];
    deadlines.set("early", instant(10), () => ran.push("early"));
    const run = () => ran.push("too early");
    const before = process.memoryUsage().heapUsed;
    for (let at = 0; at < 1_000_000; at += 1) deadlines.set("late", instant(1_000 + at), run);
    assert.ok(process.memoryUsage().heapUsed - before < 20_000_000);
    deadlines.set("late", instant(20), () => ran.push("late"));
    goTo(10);
    assert.equal(armed(), 20);
    goTo(20);
    assert.deepEqual(ran, ["early", "late"]);
    assert.equal(armed(), undefined);
  });

  it("runs what a plain list would run, whatever is set, moved and forgotten", () => {
    const change = fc.record({ id: fc.nat(8), at: fc.option(fc.nat(100), { nil: undefined }) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 80 }), fc.nat(100), (changes, end) => {
        const { deadlines, goTo, armed } = bench();
        const ran: number[] = [];
        const atById = new Map<number, number>();
        for (const { id, at } of changes) {
          deadlines.set(`${id}`, at === undefined ? undefined : instant(at), () => ran.push(at ?? -1));
          if (at === undefined) atById.delete(id);
          else atById.set(id, at);
        }
        const times = [...atById.values()].toSorted((left, right) => left - right);
        assert.equal(armed(), times[0]);
        goTo(end);
        assert.deepEqual(
          ran,
          times.filter((at) => at <= end),
        );
        assert.equal(
          armed(),
          times.find((at) => at > end),
        );
      }),
    );
  });
});
