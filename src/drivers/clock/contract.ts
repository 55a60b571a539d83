/** What every clock must do, the real one and the fake. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { after, between, type Duration, instant, micros, millis } from "#base/time";
import type { ClockPort } from "./port.ts";

/** A clock under test, and how time passes for it: at least `duration`, with every wake-up delivered. */
export type ClockUnderTest = {
  readonly clock: ClockPort;
  readonly pass: (duration: Duration) => Promise<void>;
};

/** Registers the tests. `open` gives a fresh clock for each. */
export const clockContract = (open: (onWake: () => void) => ClockUnderTest): void => {
  const started = () => {
    const wakes: Duration[] = [];
    const start: { now: () => Duration } = { now: () => micros(0) };
    const { clock, pass } = open(() => wakes.push(start.now()));
    const begin = clock.now();
    start.now = () => between(begin, clock.now());
    return { clock, pass, wakes, begin };
  };

  it("wakes once, and not before the time asked for", async () => {
    const { clock, pass, wakes, begin } = started();
    clock.wake(after(begin, millis(3)));
    await pass(millis(10));
    assert.equal(wakes.length, 1);
    assert.ok((wakes[0] ?? 0) >= millis(3));
    clock.close();
  });

  it("wakes for a time that has passed, but never from within the call", async () => {
    const { clock, pass, wakes, begin } = started();
    await pass(millis(1));
    for (const at of [begin, instant(0), instant(-5)]) {
      const before = wakes.length;
      clock.wake(at);
      assert.equal(wakes.length, before);
      await pass(millis(1));
      assert.equal(wakes.length, before + 1);
    }
    clock.close();
  });

  it("forgets the earlier request when it is given another, sooner or later", async () => {
    const { clock, pass, wakes, begin } = started();
    clock.wake(after(begin, millis(1)));
    clock.wake(after(begin, millis(4)));
    await pass(millis(8));
    assert.equal(wakes.length, 1);
    assert.ok((wakes[0] ?? 0) >= millis(4));
    clock.close();
  });

  it("stays silent when the request is withdrawn, and after it was closed", async () => {
    const { clock, pass, wakes, begin } = started();
    clock.wake(after(begin, millis(1)));
    clock.wake(undefined);
    await pass(millis(3));
    clock.wake(after(begin, millis(4)));
    clock.close();
    clock.wake(after(begin, millis(5)));
    clock.close();
    await pass(millis(5));
    assert.deepEqual(wakes, []);
  });

  it("can be asked again from within the wake-up", async () => {
    let wakes = 0;
    const { clock, pass } = open(() => {
      wakes += 1;
      if (wakes < 5) clock.wake(after(clock.now(), micros(100)));
    });
    clock.wake(clock.now());
    await pass(millis(10));
    assert.equal(wakes, 5);
    clock.close();
  });
};
