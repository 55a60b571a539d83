import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { millis, seconds } from "#base/time";
import { createTestTime } from "#testing/time";
import { createBursts } from "./bursts.ts";

const open = () => {
  const time = createTestTime();
  let over = 0;
  let begun = 0;
  const bursts = createBursts(
    time,
    () => {
      over += 1;
    },
    () => {
      begun += 1;
    },
  );
  const note = (times: number): void => {
    for (let each = 0; each < times; each += 1) bursts.note();
  };
  return { time, bursts, note, over: () => over, begun: () => begun };
};

describe("a burst", () => {
  it("is over when two seconds have passed in which nearly nothing happened, once", async () => {
    const { time, note, over } = open();
    for (let second = 0; second < 10; second += 1) {
      note(100);
      await time.advance(seconds(1));
      assert.equal(over(), 0);
    }
    note(20);
    await time.advance(seconds(2));
    note(20);
    await time.advance(seconds(2));
    assert.equal(over(), 1);
    await time.advance(seconds(60));
    assert.equal(over(), 1);
  });

  it("has begun when it is known to be one, once, and so has the next", async () => {
    const { time, note, begun } = open();
    note(199);
    assert.equal(begun(), 0);
    note(500);
    assert.equal(begun(), 1);
    await time.advance(seconds(10));
    note(300);
    assert.equal(begun(), 2);
  });

  it("is over although the cluster is never quite at rest", async () => {
    const { time, note, over } = open();
    note(1_000);
    for (let round = 0; round < 20; round += 1) {
      await time.advance(millis(500));
      note(5);
    }
    assert.equal(over(), 1);
  });

  it("is none where little happens, for however long", async () => {
    const { time, note, over } = open();
    note(190);
    for (let round = 0; round < 500; round += 1) {
      await time.advance(seconds(1));
      note(1);
    }
    assert.equal(over(), 0);
  });

  it("ends unnoticed when it is not looked for any more", async () => {
    const { time, bursts, note, over } = open();
    note(1_000);
    bursts.close();
    await time.advance(seconds(60));
    assert.equal(over(), 0);
  });
});
