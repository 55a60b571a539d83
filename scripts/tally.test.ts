import assert from "node:assert/strict";
import { resolve } from "node:path";
import { describe, it } from "node:test";
import { type Finished, Tally } from "./tally.ts";

const A = "test/a.test.ts";
const B = "test/b.test.ts";

const test = (file: string, name: string, more: Partial<Finished> = {}): Finished => ({
  ...{ name, file: resolve(file), details: { type: "test" } },
  ...more,
});

const tallied = (...tests: readonly (readonly [Finished, boolean])[]): Tally => {
  const tally = new Tally();
  for (const [finished, succeeded] of tests) tally.count(finished, succeeded);
  return tally;
};

describe("a tally of tests", () => {
  it("counts what passed and says what failed, where", () => {
    const tally = tallied([test(A, "walks"), true], [test(B, "flies"), false]);
    assert.deepEqual([tally.passed, tally.failed], [1, 1]);
    assert.deepEqual(tally.complaints(), [`failed: ${B}: flies`]);
  });

  it("takes no silence for success: skipped, still to do, and files without a test", () => {
    const tally = tallied(
      [test(A, "later", { todo: true }), true],
      [test(A, "never", { skip: "no root" }), true],
      [test(B, resolve(B)), true],
      [test(B, "a suite", { details: { type: "suite" } }), true],
    );
    assert.equal(tally.passed, 0);
    assert.deepEqual(tally.complaints(), [
      `still to do: ${A}: later`,
      `skipped: ${A}: never`,
      `no test in ${B}`,
    ]);
  });

  it("says that a hook failed only if no test explains it", () => {
    const tally = tallied([test(A, "walks"), true]);
    tally.isUnexplained();
    tally.isUnexplained();
    assert.match(tally.complaints().join(), /^every test passed, but a hook/);
    assert.equal(tally.failedFiles(), undefined);
  });

  it("counts a file that was run again as it was then, whole", () => {
    const first = tallied([test(A, "walks"), true], [test(B, "flies"), false], [test(B, "swims"), true]);
    assert.deepEqual(first.failedFiles(), [B]);
    const good = first.replaced([B], tallied([test(B, "flies"), true], [test(B, "swims"), true]));
    assert.deepEqual([good.passed, good.failed], [3, 0]);
    const bad = first.replaced([B], tallied([test(B, "flies"), true], [test(B, "swims"), false]));
    assert.deepEqual(bad.complaints(), [`failed: ${B}: swims`]);
  });

  it("counts a file as failed that was to be run again and was not", () => {
    const first = tallied([test(A, "walks"), true], [test(B, "flies"), false]);
    assert.deepEqual(first.replaced([B], new Tally()).complaints(), [`no test in ${B}`]);
  });

  it("counts what only the second run of other files complains of", () => {
    const second = tallied([test(B, "flies"), true]);
    second.complain("a hook failed");
    assert.deepEqual(
      tallied([test(B, "flies"), false])
        .replaced([B], second)
        .complaints(),
      ["a hook failed"],
    );
  });
});
