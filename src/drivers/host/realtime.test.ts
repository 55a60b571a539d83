import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { beRealtime, beRealtimeWithHelpers } from "./realtime.ts";

const EPERM = -1;

/** A kernel that answers these. */
const kernel = (answers: { readonly scheduler: number; readonly nice: number }) => ({
  setScheduler: () => answers.scheduler,
  setNice: () => answers.nice,
});

describe("real-time scheduling", () => {
  it("that is granted needs no niceness", () => {
    assert.deepEqual(beRealtime(kernel({ scheduler: 0, nice: EPERM })), {
      granted: true,
      detail: "scheduled as SCHED_RR 10",
    });
  });

  it("that is refused is no success, whatever came instead", () => {
    assert.deepEqual(beRealtime(kernel({ scheduler: EPERM, nice: 0 })), {
      granted: false,
      detail: "SCHED_RR was refused (EPERM); nice -20 instead",
    });
    assert.deepEqual(beRealtime(kernel({ scheduler: EPERM, nice: EPERM })), {
      granted: false,
      detail: "SCHED_RR was refused (EPERM), and so was a better niceness (EPERM)",
    });
  });

  it("of a process is that of its helpers, and so is a niceness instead", () => {
    for (const [scheduler, expected] of [
      [0, ["1 scheduled 11", "2 scheduled 11"]],
      [EPERM, ["1 nice -20", "2 nice -20"]],
    ] as const) {
      const done: string[] = [];
      const setSchedulerOf = (thread: number, _policy: number, priority: number): number =>
        done.push(`${thread} scheduled ${priority}`);
      const setNice = (thread: number, nice: number): void => void done.push(`${thread} nice ${nice}`);
      const outcome = beRealtimeWithHelpers(
        { ...kernel({ scheduler, nice: 0 }), setSchedulerOf },
        { list: () => [1, 2], setNice },
      );
      assert.equal(outcome.granted, scheduler === 0);
      assert.deepEqual(done, expected);
    }
  });

  it("of a process is no error where helpers come and go, or may have nothing", () => {
    const refuse = (): never => {
      throw new Error("EACCES");
    };
    const door = { ...kernel({ scheduler: EPERM, nice: EPERM }), setSchedulerOf: () => EPERM };
    assert.equal(beRealtimeWithHelpers(door, { list: () => [1], setNice: refuse }).granted, false);
    assert.equal(beRealtimeWithHelpers(door, { list: refuse, setNice: refuse }).granted, false);
  });
});
