import assert from "node:assert/strict";
import { describe, it, mock } from "node:test";
import { getHeapStatistics } from "node:v8";
import { createCollector, giveBack, growModerately } from "./memory.ts";

describe("the collector", () => {
  it("gives back what a burst left, once it has been quiet for three seconds", async () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    const afterBurst = createCollector();
    let burst: unknown[] = Array.from({ length: 400_000 }, (_, index) => ({ index, text: `${index}` }));
    assert.equal(burst.length, 400_000);
    afterBurst();
    mock.timers.tick(2_999);
    burst = [];
    const before = getHeapStatistics().used_heap_size;
    afterBurst();
    mock.timers.tick(2_999);
    assert.ok(getHeapStatistics().used_heap_size > before / 2, "not yet");
    mock.timers.tick(1);
    await new Promise((resolve) => void setImmediate(resolve));
    assert.ok(getHeapStatistics().used_heap_size < before / 2, "collected");
    mock.timers.reset();
    assert.deepEqual(burst, []);
  });
});

describe("a process that keeps much", () => {
  it("gives back what a burst left, when it is told to", async () => {
    growModerately();
    let burst: unknown[] = Array.from({ length: 400_000 }, (_, index) => ({ index, text: `${index}` }));
    assert.equal(burst.length, 400_000);
    const before = getHeapStatistics();
    burst = [];
    giveBack();
    await new Promise((resolve) => void setImmediate(resolve));
    const after = getHeapStatistics();
    assert.ok(after.used_heap_size < before.used_heap_size / 2);
    assert.ok(after.total_physical_size < before.total_physical_size, "pages too");
    assert.deepEqual(burst, []);
  });
});
