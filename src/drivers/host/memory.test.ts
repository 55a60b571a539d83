import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it, mock } from "node:test";
import { getHeapStatistics } from "node:v8";
import { createCollector, giveBack, giveBackProgram, growModerately, programMappings } from "./memory.ts";

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

describe("the program of Node.js", () => {
  it("is found by its mappings that nobody writes to", () => {
    const maps = [
      "00400000-00746000 r--p 00000000 fe:00 42                         /opt/node of ours",
      "0074a000-03044000 r-xp 0034a000 fe:00 42                         /opt/node of ours",
      "06b56000-06b7d000 rw-p 06755000 fe:00 42                         /opt/node of ours",
      "06b7d000-06b9d000 rw-p 00000000 00:00 0",
      "7f0000000000-7f0000001000 r-xp 00000000 fe:00 43                 /lib/libc.so.6",
      "7f0000002000-7f0000003000 r--s 00000000 fe:00 42                 /opt/node of ours",
    ].join("\n");
    assert.deepEqual(programMappings(maps, "/opt/node of ours"), [
      { start: 0x40_0000, length: 0x34_6000 },
      { start: 0x74_a000, length: 0x28f_a000 },
    ]);
  });

  it("gives its pages back, and goes on", () => {
    const resident = (): number =>
      Number(/^RssFile:\s+(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
    const before = resident();
    giveBackProgram();
    assert.ok(resident() < before / 2, `${resident()} of ${before} kB`);
    assert.equal(JSON.stringify(structuredClone({ works: [1, "2"] })), '{"works":[1,"2"]}');
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
