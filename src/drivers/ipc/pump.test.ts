import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Pump } from "./pump.ts";

/** A journal that keeps the last three, and a reader that takes so many. */
const bench = () => {
  const kept: { sequence: number }[] = [];
  const view = { sequence: 0 };
  const sent: string[] = [];
  let room = Number.POSITIVE_INFINITY;
  let forgotten = 0;
  const pump = new Pump<{ readonly sequence: number }>({
    journal: {
      view,
      after: (sequence, most) => kept.filter((each) => each.sequence > sequence).slice(0, most),
      forget: (sequence) => {
        forgotten = Math.max(forgotten, sequence);
      },
    },
    sendSnapshot: (recent, told) =>
      void sent.push(`snapshot ${view.sequence}, told ${told}, recent ${recent.length}`),
    sendObservation: ({ sequence }) => {
      sent.push(`${sequence}`);
      room -= 1;
      return room > 0;
    },
  });
  return {
    pump,
    record: () => {
      view.sequence += 1;
      kept.push({ sequence: view.sequence });
      if (kept.length > 3) kept.shift();
    },
    setRoom: (count: number) => {
      room = count;
    },
    said: () => sent.splice(0),
    forgotten: () => forgotten,
  };
};

describe("a pump", () => {
  it("begins with a snapshot, and hands on what comes after it", () => {
    const { pump, record, said } = bench();
    record();
    pump.begin();
    assert.equal(pump.run(), true);
    record();
    record();
    assert.equal(pump.run(), true);
    assert.deepEqual(said(), ["snapshot 1, told 0, recent 1", "2", "3"]);
  });

  it("stops when the reader is behind, and goes on where it was", () => {
    const { pump, record, said, setRoom } = bench();
    pump.begin();
    said();
    for (let count = 0; count < 3; count += 1) record();
    setRoom(2);
    assert.equal(pump.run(), false);
    assert.deepEqual(said(), ["1", "2"]);
    setRoom(9);
    assert.equal(pump.run(), true);
    assert.deepEqual(said(), ["3"]);
  });

  it("sends no more in one turn than it may", () => {
    const { pump, record, said } = bench();
    pump.begin();
    said();
    for (let count = 0; count < 3; count += 1) record();
    assert.equal(pump.run(2), false);
    assert.equal(pump.run(2), true);
    assert.deepEqual(said(), ["1", "2", "3"]);
  });

  it("lets the journal forget what no reader will be given, and not what one has yet to read", () => {
    const { pump, record, setRoom, forgotten } = bench();
    pump.begin();
    for (let count = 0; count < 1_500; count += 1) {
      record();
      pump.run();
    }
    assert.equal(forgotten(), 500);
    setRoom(1);
    for (let count = 0; count < 3; count += 1) record();
    assert.equal(pump.run(), false);
    assert.equal(forgotten(), 501);
  });

  it("sends a snapshot where the journal does not reach back so far", () => {
    const { pump, record, said } = bench();
    pump.begin();
    said();
    for (let count = 0; count < 4; count += 1) record();
    assert.equal(pump.run(), true);
    assert.deepEqual(said(), ["snapshot 4, told 0, recent 3"]);
    assert.equal(pump.run(), true);
    assert.deepEqual(said(), []);
  });

  it("tells the next reader how far the one before it was told", () => {
    const { pump, record, said } = bench();
    pump.begin();
    record();
    pump.run();
    said();
    record();
    pump.begin();
    assert.deepEqual(said(), ["snapshot 2, told 1, recent 2"]);
  });
});
