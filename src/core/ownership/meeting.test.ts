import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { instant, micros } from "#base/time";
import type { Standing } from "#core/liveness/standing";
import { around, dead, entryOf, type Sketch, shown, UP } from "#testing/ownership";
import { meet } from "./meeting.ts";

const T0 = instant(100_000_000);
const DEAF: Standing = { name: "alive", hearsUs: "no" };
const HELD = entryOf({
  candidates: ["c", "b"],
  state: { name: "holding", since: T0, cause: "unheld", disputes: [] },
});

/** What is done about an address that this node holds when `c`, which was dead, has this standing. */
const met = (standing: Standing, sketch: Sketch = {}): readonly string[] => {
  const surroundings = around({ now: T0, standings: { c: standing }, ...sketch });
  return shown(meet(surroundings, HELD, { node: "c", standing, was: dead(micros(0)) }).effects);
};

describe("a holder whose better candidate is back", () => {
  it("tells it of the address, and asks it while that does not hear", () => {
    assert.deepEqual(met(UP), ["announce peer-returned"]);
    assert.deepEqual(met(DEAF), ["ask c"]);
  });

  it("makes few words of one that often goes and comes", () => {
    assert.deepEqual(met(UP, { unsteady: ["c"] }), ["announce defence"]);
    assert.deepEqual(met(DEAF, { unsteady: ["c"] }), []);
  });
});
