import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { describeFault, planChaos } from "./plan.ts";

describe("a plan of chaos", () => {
  it("is the same for the same seed, and another one for another", () => {
    assert.deepEqual(planChaos({ seed: 5, steps: 40 }), planChaos({ seed: 5, steps: 40 }));
    assert.notDeepEqual(planChaos({ seed: 5, steps: 40 }), planChaos({ seed: 6, steps: 40 }));
  });

  it("begins as a longer plan of that seed does, so that a failure can be cut short", () => {
    assert.deepEqual(planChaos({ seed: 5, steps: 10 }), planChaos({ seed: 5, steps: 32 }).slice(0, 10));
  });

  it("brings up every kind of fault once before one comes up again", () => {
    const kinds = planChaos({ seed: 9, steps: 32 }).map(({ fault }) => fault.type);
    assert.equal(new Set(kinds.slice(0, 16)).size, 16);
    assert.deepEqual([...kinds.slice(16)].sort(), [...kinds.slice(0, 16)].sort());
  });

  it("says each fault in its own words", () => {
    const said = planChaos({ seed: 1, steps: 16 }).map(({ fault }) => describeFault(fault));
    assert.equal(new Set(said).size, 16);
  });
});
