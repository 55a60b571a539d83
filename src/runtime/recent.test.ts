import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { wallTime } from "#base/time";
import type { Observation } from "#core/observation/event";
import { EXAMPLES } from "#core/observation/examples";
import { createRecent } from "./recent.ts";

const observation = (sequence: number): Observation => ({
  sequence,
  at: wallTime(sequence),
  event: EXAMPLES.link,
});

const range = (from: number, to: number): readonly Observation[] =>
  Array.from({ length: to - from + 1 }, (_, index) => observation(from + index));

describe("events in memory", () => {
  it("take each observation once, however often it is told", () => {
    const events = createRecent<Observation>();
    assert.equal(events.add(range(1, 5)).length, 5);
    assert.deepEqual(
      events.add(range(3, 7)).map(({ sequence }) => sequence),
      [6, 7],
    );
    assert.deepEqual(
      events.all().map(({ sequence }) => sequence),
      [1, 2, 3, 4, 5, 6, 7],
    );
  });

  it("keep the last thousand", () => {
    const events = createRecent<Observation>();
    for (let sequence = 1; sequence <= 5_432; sequence += 1) events.add([observation(sequence)]);
    assert.deepEqual([events.all().length, events.all()[0]?.sequence], [1_000, 4_433]);
  });

  it("tell followers of each until they stop", () => {
    const events = createRecent<Observation>();
    const heard: number[] = [];
    const stop = events.follow(({ sequence }) => heard.push(sequence));
    events.add(range(1, 2));
    stop();
    events.add(range(3, 4));
    assert.deepEqual(heard, [1, 2]);
  });
});
