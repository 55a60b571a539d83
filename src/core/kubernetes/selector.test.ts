import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type LabelSelector, matches, matchesAny } from "./selector.ts";

const selector = (parts: Partial<LabelSelector>): LabelSelector => ({
  matchLabels: {},
  matchExpressions: [],
  ...parts,
});

const WEB = { app: "web", tier: "front" };

describe("a label selector", () => {
  it("matches everything when it asks for nothing", () => {
    assert.equal(matches(selector({}), {}), true);
  });

  it("wants every label and every expression", () => {
    assert.equal(matches(selector({ matchLabels: { app: "web", tier: "front" } }), WEB), true);
    assert.equal(matches(selector({ matchLabels: { app: "web", tier: "back" } }), WEB), false);
    const both = selector({
      matchLabels: { app: "web" },
      matchExpressions: [{ key: "tier", operator: "Exists" }],
    });
    assert.equal(matches(both, WEB), true);
    assert.equal(matches(both, { app: "web" }), false);
  });

  for (const [operator, key, values, wanted] of [
    ["In", "app", ["db", "web"], true],
    ["In", "app", ["db"], false],
    ["In", "absent", ["web"], false],
    ["NotIn", "app", ["db"], true],
    ["NotIn", "app", ["web"], false],
    ["NotIn", "absent", ["web"], true],
    ["Exists", "app", [], true],
    ["Exists", "absent", [], false],
    ["DoesNotExist", "app", [], false],
    ["DoesNotExist", "absent", [], true],
  ] as const) {
    it(`${operator} ${key} ${values.join(",")}: ${wanted}`, () => {
      const requirement =
        operator === "In" || operator === "NotIn" ? { key, operator, values } : { key, operator };
      assert.equal(matches(selector({ matchExpressions: [requirement] }), WEB), wanted);
    });
  }

  it("takes names that every object has for labels only where they are labels", () => {
    const requirement = { key: "toString", operator: "Exists" } as const;
    assert.equal(matches(selector({ matchExpressions: [requirement] }), WEB), false);
    assert.equal(matches(selector({ matchLabels: { constructor: "x" } }), WEB), false);
  });

  it("is one of several, of which one suffices and none matches nothing", () => {
    const [web, db] = [selector({ matchLabels: { app: "web" } }), selector({ matchLabels: { app: "db" } })];
    assert.equal(matchesAny([db, web], WEB), true);
    assert.equal(matchesAny([db], WEB), false);
    assert.equal(matchesAny([], WEB), false);
  });
});
