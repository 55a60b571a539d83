import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, describe, it } from "node:test";
import { openDoor } from "./door.ts";

const door = openDoor();
const opened: number[] = [];
after(() => {
  for (const fd of opened) door.close(fd);
});

describe("timers", () => {
  it("counts CLOCK_MONOTONIC in microseconds and never goes back", () => {
    const seen = Array.from({ length: 100 }, () => door.monotonicMicros());
    assert.ok(seen.every((value, index) => Number.isInteger(value) && value >= (seen[index - 1] ?? 0)));
    const [s, ns] = process.hrtime();
    assert.ok(Math.abs(door.monotonicMicros() - (s * 1e6 + ns / 1e3)) < 60e6, "the clock of process.hrtime");
  });

  it("counts CLOCK_BOOTTIME, which is never behind CLOCK_MONOTONIC, and fires by it", async () => {
    const monotonic = door.monotonicMicros();
    const boot = door.bootMicros();
    assert.ok(boot >= monotonic);
    const [uptime = ""] = readFileSync("/proc/uptime", "utf8").split(" ");
    assert.ok(Math.abs(boot / 1e6 - Number(uptime)) < 60, "the clock of /proc/uptime");
    const fd = door.bootTimerfdCreate();
    opened.push(fd);
    const firedAt = await new Promise<number>((resolve) => {
      const stop = door.watch(fd, () => {
        if (typeof stop === "function") stop();
        resolve(door.bootMicros());
      });
      assert.equal(door.timerfdSet(fd, boot + 3_000), 0);
    });
    assert.ok(firedAt >= boot + 3_000);
  });

  it("fires at an absolute time, not before it, and at once when that has passed", async () => {
    const start = door.monotonicMicros();
    const fire = (at: number): Promise<boolean> =>
      new Promise((resolve) => {
        const fd = door.timerfdCreate();
        opened.push(fd);
        const stop = door.watch(fd, () => {
          const early = door.monotonicMicros() < at;
          if (typeof stop === "function") stop();
          resolve(early);
        });
        assert.equal(door.timerfdSet(fd, at), 0);
      });
    const early = await Promise.all([start + 9_000, 1, start + 5_000, start].map(fire));
    assert.deepEqual(early, [false, false, false, false]);
  });

  it("becomes unreadable when it is armed again or disarmed, so a fired timer need not be read", async () => {
    const fd = door.timerfdCreate();
    opened.push(fd);
    let calls = 0;
    await new Promise<void>((resolve) => {
      const stop = door.watch(fd, () => {
        calls += 1;
        door.timerfdSet(fd, calls < 3 ? door.monotonicMicros() + 200 : 0);
        if (calls === 3 && typeof stop === "function")
          setImmediate(() => setImmediate(() => resolve(stop())));
      });
      door.timerfdSet(fd, 1);
    });
    assert.equal(calls, 3);
  });
});
