import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, type Duration, type Instant, instant, millis, seconds } from "#base/time";
import { around, type EntrySketch, entryOf, type Sketch, shown, UP } from "#testing/ownership";
import { deadline, tick } from "./machine.ts";
import { hear } from "./rivals.ts";
import type { Entry } from "./state.ts";

const T0 = instant(100_000_000);
const at = (duration: Duration): Instant => after(T0, duration);
const SKETCH: Sketch = { standings: { a: UP } };
const { config } = around({ now: T0 });
const rival = { type: "member", node: "a" } as const;

/** This node, `b`, preferred, that gives way at 100 ms to the lesser name, which goes on. */
const gaveWay = (sketch: EntrySketch = {}): Entry => {
  const holding = entryOf({
    candidates: ["b", "a"],
    state: { name: "holding", since: T0, cause: "unheld", disputes: [] },
    ...sketch,
  });
  const defended = hear(around({ now: T0, ...SKETCH }), holding, rival).entry;
  const { entry, effects } = hear(around({ now: at(millis(100)), ...SKETCH }), defended, rival);
  assert.deepEqual(shown(effects), ["silence", "holding -> standby: insisted (a)"]);
  return entry;
};

/** Moves time to each deadline until `end`; the rival answers until then if it is to. */
const wait = (first: Entry, end: Instant, answersUntil: Instant): readonly string[] => {
  let entry = first;
  const said: string[] = [];
  for (;;) {
    const due = deadline(config, entry);
    if (due === undefined || due > end) return said;
    const step = tick(around({ now: due, ...SKETCH }), entry);
    entry = step.entry;
    for (const line of shown(step.effects)) {
      said.push(`${(due - T0) / 1_000}ms ${line}`);
      const isAnswered = line.startsWith("ask") && due < answersUntil && entry.state.name === "standby";
      if (isAnswered) entry = hear(around({ now: after(due, millis(1)), ...SKETCH }), entry, rival).entry;
    }
  }
};

describe("a node that gave way to a rival", () => {
  it("asks it every second whether it still answers, and takes the address back when the time is over", () => {
    const restrained = gaveWay({ memory: { restraint: seconds(2) } });
    assert.deepEqual(wait(restrained, at(seconds(4.1)), at(seconds(60))), [
      "1100ms ask a",
      "2100ms ask a",
      "3100ms ask a",
      "4100ms answer",
      "4100ms announce takeover",
      "4100ms standby -> holding: preferred (a)",
    ]);
  });

  it("takes the address, after asking everybody, when the rival does not answer any more", () => {
    const restrained = gaveWay({ memory: { restraint: seconds(32) } });
    assert.deepEqual(wait(restrained, at(seconds(5)), at(seconds(2))), [
      "1100ms ask a",
      "2100ms ask a",
      "3100ms standby -> claiming: unheld",
      "3100ms ask all",
      "3165ms ask all",
      "3230ms answer",
      "3230ms announce takeover",
      "3230ms claiming -> holding: unheld",
    ]);
  });
});
