import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { millis, seconds } from "#base/time";
import { createTestTime } from "#testing/time";
import { createBursts } from "./bursts.ts";

const begin = () => {
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

/** The same, once what the start has left behind has been given back. */
const open = async () => {
  const bed = begin();
  bed.note(1);
  await bed.time.advance(seconds(4));
  const [before, begunBefore] = [bed.over(), bed.begun()];
  return { ...bed, over: () => bed.over() - before, begun: () => bed.begun() - begunBefore };
};

describe("a burst", () => {
  it("is what a start is, however little it reads", async () => {
    const { time, note, over, begun } = begin();
    note(1);
    assert.equal(over(), 0);
    await time.advance(seconds(4));
    assert.deepEqual([over(), begun()], [1, 0]);
    note(1);
    await time.advance(seconds(60));
    assert.equal(over(), 1);
  });

  it("is over when two seconds have passed in which nearly nothing happened, once", async () => {
    const { time, note, over } = await open();
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
    const { time, note, begun } = await open();
    note(199);
    assert.equal(begun(), 0);
    note(500);
    assert.equal(begun(), 1);
    await time.advance(seconds(10));
    note(300);
    assert.equal(begun(), 2);
  });

  it("is over although the cluster is never quite at rest", async () => {
    const { time, note, over } = await open();
    note(1_000);
    for (let round = 0; round < 20; round += 1) {
      await time.advance(millis(500));
      note(5);
    }
    assert.equal(over(), 1);
  });

  it("is none where little happens, for however long", async () => {
    const { time, note, over } = await open();
    note(190);
    for (let round = 0; round < 500; round += 1) {
      await time.advance(seconds(1));
      note(1);
    }
    assert.equal(over(), 0);
  });

  it("ends unnoticed when it is not looked for any more", async () => {
    const { time, bursts, note, over } = await open();
    note(1_000);
    bursts.close();
    await time.advance(seconds(60));
    assert.equal(over(), 0);
  });
});
