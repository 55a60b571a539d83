import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DEFAULT_RULES, METALLB_RULES } from "#core/layer2/rules";
import { rulesOf } from "./rules.ts";

const PLAIN = { rules: "steelyard", spread: undefined, ignoreExcludeLabel: false } as const;

describe("the rules of the command line", () => {
  it("are ours, or MetalLB's while its speakers run", () => {
    assert.deepEqual(rulesOf(PLAIN), DEFAULT_RULES);
    assert.deepEqual(rulesOf({ ...PLAIN, rules: "metallb" }), METALLB_RULES);
  });

  it("spread addresses evenly where that is wanted, and never beside MetalLB's speakers", () => {
    assert.deepEqual(rulesOf({ ...PLAIN, spread: 1.25 }).order, { type: "spread", slack: 1.25 });
    assert.deepEqual(rulesOf({ ...PLAIN, rules: "metallb", spread: 1.25 }), METALLB_RULES);
  });

  it("use nodes that are labelled as excluded where that is wanted, by either rules", () => {
    for (const rules of ["steelyard", "metallb"] as const)
      assert.equal(rulesOf({ ...PLAIN, rules, ignoreExcludeLabel: true }).excludeLabel, "ignored");
  });
});
