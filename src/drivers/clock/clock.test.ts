import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, type Duration, instant, millis } from "#base/time";
import { type Door, openDoor } from "#native/door";
import { clockContract } from "./contract.ts";
import { fakeClock } from "./fake.ts";
import { openClock } from "./linux.ts";

const openReal = (onWake: () => void, inSuspend?: "goes-on") => {
  const opened = openClock({ onWake, ...(inSuspend === undefined ? {} : { inSuspend }) });
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
  clockContract((onWake) => openReal(onWake));
  describe("that goes on in suspend", () => clockContract((onWake) => openReal(onWake, "goes-on")));

  it("does not wake early when it was set anew between firing and being heard", () => {
    let fire = (): void => undefined;
    let now = 1_000;
    let wakes = 0;
    const scripted: Door = {
      ...openDoor(),
      timerfdCreate: () => 99,
      timerfdSet: () => 0,
      close: () => 0,
      monotonicMicros: () => now,
      watch: (_fd, onReadable) => {
        fire = onReadable;
        return () => undefined;
      },
    };
    const onWake = (): void => {
      wakes += 1;
    };
    const opened = openClock({ onWake }, scripted);
    assert.ok(opened.ok);
    opened.value.wake(instant(1_000));
    opened.value.wake(instant(2_000));
    fire();
    assert.equal(wakes, 0);
    now = 2_000;
    fire();
    assert.equal(wakes, 1);
  });

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
