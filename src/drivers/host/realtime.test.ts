import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { beRealtime } from "./realtime.ts";

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
});
