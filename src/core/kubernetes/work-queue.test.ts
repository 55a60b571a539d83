import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { after, type Instant, instant, millis, seconds } from "#base/time";
import { createWorkQueue, type WorkQueueConfig } from "./work-queue.ts";

const CONFIG: WorkQueueConfig = {
  rate: 1_000,
  burst: 1_000,
  parallel: 100,
  backoff: { first: seconds(1), most: seconds(60) },
};
const START = instant(0);

const queue = (changes: Partial<WorkQueueConfig> = {}) =>
  createWorkQueue<string, number>({ ...CONFIG, ...changes });

describe("a work queue", () => {
  it("gives what was put, in the order of the keys' first put", () => {
    const work = queue();
    for (const [key, value] of [["b", 1] as const, ["a", 2] as const, ["b", 3] as const])
      work.put(key, value, START);
    assert.equal(work.waiting, 2);
    assert.deepEqual(work.take(START), { key: "b", value: 3 });
    assert.deepEqual(work.take(START), { key: "a", value: 2 });
    assert.equal(work.take(START), undefined);
    assert.deepEqual([work.waiting, work.running], [0, 2]);
  });

  it("never runs one key twice at once: the newest value follows when the first is done", () => {
    const work = queue();
    work.put("a", 1, START);
    work.take(START);
    work.put("a", 2, START);
    work.put("a", 3, START);
    assert.equal(work.take(START), undefined);
    assert.equal(work.deadline(), undefined);
    work.done("a", { type: "succeeded" }, START);
    assert.deepEqual(work.take(START), { key: "a", value: 3 });
  });

  it("runs half as many at once each time the server asks to be left alone, and more again as work succeeds", () => {
    const work = queue({ parallel: 16, rate: 1_000_000, burst: 1_000_000 });
    for (let index = 0; index < 40; index += 1) work.put(`k${index}`, index, START);
    let now: Instant = START;
    const takeAll = (): readonly string[] => {
      const keys: string[] = [];
      for (let next = work.take(now); next !== undefined; next = work.take(now)) keys.push(next.key);
      return keys;
    };
    const counts: number[] = [];
    for (let round = 0; round < 6; round += 1) {
      const keys = takeAll();
      counts.push(keys.length);
      for (const key of keys) work.done(key, { type: "failed", retryAfter: seconds(1) }, now);
      now = after(now, seconds(100));
    }
    assert.deepEqual(counts, [16, 8, 4, 2, 1, 1]);
    let successes = 0;
    for (let running = takeAll(); running.length < 16; running = takeAll()) {
      assert.ok(running.length >= 1);
      for (const key of running) {
        work.done(key, { type: "succeeded" }, now);
        work.put(key, 1, now);
        successes += 1;
      }
    }
    // 16 for one more of one, 32 for one more of two, and so on.
    assert.ok(successes >= 1_600 && successes <= 2_400, `${successes}`);
  });

  it("tries a value again that failed, after a wait that doubles, and starts anew after a success", () => {
    const work = queue();
    work.put("a", 1, START);
    let now: Instant = START;
    const waits: number[] = [];
    for (let failures = 1; failures <= 8; failures += 1) {
      assert.deepEqual(work.take(now), { key: "a", value: 1 });
      work.done("a", { type: "failed" }, now);
      const due = work.deadline();
      assert.ok(due !== undefined);
      waits.push(due - now);
      assert.equal(work.take(instant(due - 1)), undefined);
      now = due;
    }
    for (const [index, wait] of waits.entries()) {
      const whole = Math.min(seconds(60), seconds(2 ** index));
      assert.ok(wait >= whole / 2 && wait <= whole, `${index}: ${wait}`);
    }
    work.take(now);
    work.done("a", { type: "succeeded" }, now);
    work.put("a", 2, now);
    work.take(now);
    work.done("a", { type: "failed" }, now);
    assert.ok((work.deadline() ?? now) - now <= seconds(1));
  });

  it("tries the newer value when one was put meanwhile, but not sooner", () => {
    const work = queue();
    work.put("a", 1, START);
    work.take(START);
    work.done("a", { type: "failed" }, START);
    const due = work.deadline();
    work.put("a", 2, START);
    assert.equal(work.deadline(), due);
    assert.equal(work.take(START), undefined);
    assert.deepEqual(work.take(due ?? START), { key: "a", value: 2 });
  });

  it("forgets a value that was refused, and takes a newer one at once", () => {
    const work = queue();
    work.put("a", 1, START);
    work.take(START);
    work.done("a", { type: "refused" }, START);
    assert.equal(work.deadline(), undefined);
    work.put("a", 2, START);
    assert.deepEqual(work.take(START), { key: "a", value: 2 });
  });

  it("does not try again what was dropped, whether it waited or ran", () => {
    const work = queue();
    work.put("a", 1, START);
    work.put("b", 1, START);
    work.drop("b");
    work.drop("never put");
    work.take(START);
    work.drop("a");
    work.done("a", { type: "failed" }, START);
    assert.equal(work.deadline(), undefined);
    assert.equal(work.take(instant(seconds(100))), undefined);
    assert.deepEqual([work.waiting, work.running], [0, 0]);
  });

  it("gives what is put again after a drop once, not twice", () => {
    const work = queue();
    work.put("a", 1, START);
    work.drop("a");
    work.put("a", 2, START);
    assert.deepEqual(work.take(START), { key: "a", value: 2 });
    work.done("a", { type: "succeeded" }, START);
    assert.equal(work.take(START), undefined);
  });

  it("holds everything up while the server wants to be left alone", () => {
    const work = queue();
    work.put("a", 1, START);
    work.put("b", 1, START);
    work.take(START);
    work.done("a", { type: "failed", retryAfter: seconds(5) }, START);
    assert.equal(work.deadline(), seconds(5));
    assert.equal(work.take(instant(seconds(5) - 1)), undefined);
    assert.equal(work.take(instant(seconds(5)))?.key, "b");
    assert.equal(work.take(instant(seconds(5)))?.key, "a");
  });

  it("lets no more run at once than it may, and says that only an end helps", () => {
    const work = queue({ parallel: 2 });
    for (const key of ["a", "b", "c"]) work.put(key, 1, START);
    work.take(START);
    work.take(START);
    assert.equal(work.take(START), undefined);
    assert.equal(work.deadline(), undefined);
    work.done("a", { type: "succeeded" }, START);
    assert.equal(work.take(START)?.key, "c");
  });

  it("keeps to the rate after the burst, to the microsecond", () => {
    const work = queue({ rate: 50, burst: 3 });
    for (let index = 0; index < 10; index += 1) work.put(`k${index}`, index, START);
    for (let index = 0; index < 3; index += 1) assert.ok(work.take(START));
    assert.equal(work.take(START), undefined);
    assert.equal(work.deadline(), millis(20));
    assert.equal(work.take(instant(millis(20) - 1)), undefined);
    assert.ok(work.take(instant(millis(20))));
    assert.equal(work.deadline(), millis(40));
    assert.ok(work.take(instant(seconds(10))));
    assert.ok(work.take(instant(seconds(10))));
    assert.ok(work.take(instant(seconds(10))));
    assert.equal(work.take(instant(seconds(10))), undefined);
  });

  it("ends with every key at its newest value, whatever fails on the way, and never exceeds its bounds", () => {
    const action = fc.record({
      key: fc.integer({ min: 0, max: 5 }),
      fails: fc.boolean(),
      pause: fc.nat(3_000),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const work = queue({ parallel: 2, rate: 10, burst: 2 });
        const wanted = new Map<string, number>();
        const written = new Map<string, number>();
        const begun: number[] = [];
        const running: { key: string; value: number }[] = [];
        let now: Instant = START;
        const takeAll = (): void => {
          for (let next = work.take(now); next !== undefined; next = work.take(now)) {
            assert.ok(!running.some(({ key }) => key === next?.key), "one key twice");
            running.push(next);
            begun.push(now);
          }
          assert.ok(running.length <= 2);
          assert.equal(work.running, running.length);
          const due = work.deadline();
          assert.ok(due === undefined || due > now, "take gave nothing although something is due");
        };
        const finish = (fails: boolean): void => {
          const first = running.shift();
          if (first === undefined) return;
          if (!fails) written.set(first.key, first.value);
          work.done(first.key, { type: fails ? "failed" : "succeeded" }, now);
        };
        for (const [index, { key, fails, pause }] of actions.entries()) {
          work.put(`${key}`, index, now);
          wanted.set(`${key}`, index);
          takeAll();
          now = after(now, millis(pause));
          finish(fails);
        }
        for (let round = 0; round < 1_000 && work.waiting + running.length > 0; round += 1) {
          takeAll();
          finish(false);
          now = work.deadline() ?? now;
        }
        assert.deepEqual(written, wanted);
        for (const [index, at] of begun.entries()) {
          const third = begun[index + 2];
          assert.ok(third === undefined || third - at >= millis(100) - 1, "faster than the rate");
        }
      }),
    );
  });
});
