import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { describe, it, type TestContext } from "node:test";
import { millis } from "#base/time";
import { watchPaths } from "./watch.ts";

const SETTLE = 150;
const POLL = 5_000;

/** A watch whose contents and time the test decides. */
const open = (t: TestContext) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const bed = { contents: "first", told: 0, tick: (ms: number) => t.mock.timers.tick(ms), close: () => {} };
  bed.close = watchPaths({
    paths: [tmpdir()],
    list: () => [],
    fingerprint: () => bed.contents,
    onChange: () => {
      bed.told += 1;
    },
    timing: { settle: millis(SETTLE), poll: millis(POLL) },
  });
  // Also when the test fails: an open watcher would keep the process alive.
  t.after(() => bed.close());
  return bed;
};

describe("watchPaths", () => {
  it("finds a change without any event, and tells of it once", (t) => {
    const bed = open(t);
    bed.tick(POLL);
    assert.equal(bed.told, 0);
    bed.contents = "second";
    bed.tick(POLL);
    assert.equal(bed.told, 0, "it may still be being written");
    bed.tick(SETTLE);
    assert.equal(bed.told, 1);
    for (let look = 0; look < 5; look += 1) bed.tick(POLL);
    assert.equal(bed.told, 1);
  });

  it("waits until the contents are still", (t) => {
    const bed = open(t);
    for (const contents of ["a", "ab", "abc"]) {
      bed.contents = contents;
      bed.tick(contents === "a" ? POLL : SETTLE);
      assert.equal(bed.told, 0);
    }
    bed.tick(SETTLE);
    assert.equal(bed.told, 1);
  });

  it("says nothing of a change that was taken back", (t) => {
    const bed = open(t);
    bed.contents = "second";
    bed.tick(POLL);
    bed.contents = "first";
    bed.tick(SETTLE);
    bed.tick(POLL);
    assert.equal(bed.told, 0);
  });

  it("says nothing after it was stopped", (t) => {
    const bed = open(t);
    bed.contents = "second";
    bed.tick(POLL);
    bed.close();
    bed.tick(POLL);
    assert.equal(bed.told, 0);
  });
});
