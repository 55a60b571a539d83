import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Instant, instant } from "#base/time";
import { createDeadlines } from "./deadlines.ts";

/** Work that takes this long, in microseconds. */
const spend = (now: { time: Instant }, micros: number): void => {
  now.time = instant(now.time + micros);
};

const bench = () => {
  const now = { time: instant(0) };
  let armed: Instant | undefined;
  let wakes = 0;
  const clock = {
    now: () => now.time,
    wake: (at: Instant | undefined) => {
      armed = at;
      wakes += 1;
    },
  };
  const deadlines = createDeadlines(clock);
  return {
    deadlines,
    now,
    armed: () => armed,
    wakes: () => wakes,
    goTo: (at: number) => {
      now.time = instant(at);
      if (armed !== undefined && armed <= now.time) armed = undefined;
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

  it("works on what is due for 20 ms in one turn, and goes on in the next", () => {
    const { deadlines, goTo, armed, now } = bench();
    const ran: string[] = [];
    for (const [index, name] of ["a", "b", "c", "d"].entries()) {
      deadlines.set(name, instant(index), () => {
        ran.push(name);
        spend(now, 11_000);
      });
    }
    goTo(10);
    assert.deepEqual([ran, armed()], [["a", "b"], 2]);
    goTo(now.time);
    assert.deepEqual([ran, armed()], [["a", "b", "c", "d"], undefined]);
  });

  it("asks the clock once for all that is set in one turn", () => {
    const { deadlines, goTo, wakes } = bench();
    const again = (at: Instant): void => deadlines.set("a", instant(at + 10), again);
    deadlines.set("a", instant(0), again);
    deadlines.set("b", instant(1), (at) => {
      for (let count = 9; count > 0; count -= 1) deadlines.set(`c${count}`, instant(at + count), () => {});
    });
    const before = wakes();
    goTo(5);
    assert.equal(wakes() - before, 1);
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
