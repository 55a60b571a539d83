import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, type Duration, millis } from "#base/time";
import { type Door, openDoor } from "#native/door";
import { clockContract } from "./contract.ts";
import { fakeClock } from "./fake.ts";
import { openClock } from "./linux.ts";

const openReal = (onWake: () => void) => {
  const opened = openClock({ onWake });
  assert.ok(opened.ok);
  const clock = opened.value;
  const pass = async (duration: Duration): Promise<void> => {
    const end = after(clock.now(), duration);
    while (clock.now() < end) await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  };
  return { clock, pass };
};

describe("the clock of Linux", () => {
  clockContract(openReal);

  it("reports what the kernel refuses", () => {
    const full: Door = { ...openDoor(), timerfdCreate: () => -24 };
    const opened = openClock({ onWake: () => undefined }, full);
    assert.deepEqual(opened, { ok: false, error: { code: "EMFILE", operation: "timerfd_create" } });
  });
});

describe("the fake clock", () => {
  clockContract((onWake) => {
    const clock = fakeClock({ onWake });
    return { clock, pass: async (duration) => clock.advance(duration) };
  });

  it("shows what it is to be woken for", () => {
    const clock = fakeClock({ onWake: () => undefined });
    assert.equal(clock.wakeAt, undefined);
    clock.wake(after(clock.now(), millis(2)));
    assert.equal(clock.wakeAt, after(clock.now(), millis(2)));
  });
});
