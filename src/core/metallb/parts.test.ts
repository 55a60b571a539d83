import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parse } from "yaml";
import { formatDuration } from "#base/time";
import type { LabelSelector } from "#core/kubernetes/selector";
import { formatCommunity, parseCommunity } from "./community.ts";
import { parseGoDuration } from "./go-duration.ts";
import { mayShareNode } from "./nodes.ts";
import { type YamlValue, yaml } from "./yaml.ts";

describe("parseGoDuration", () => {
  const ROWS = [
    ["0", 0],
    ["0s", 0],
    ["90s", 90_000_000],
    ["+1.5h", 5_400_000_000],
    ["1h15m30.918273645s", 4_530_918_274],
    ["1m30s", 90_000_000],
    ["5ms3us", 5_003],
    ["2µs", 2],
    ["2μs", 2],
    [".5s", 500_000],
    ["1.s", 1_000_000],
    ["100ns", 0],
    ["2501999h", 9_007_196_400_000_000],
    ["2502000h", undefined],
    ["-1s", undefined],
    ["1", undefined],
    ["s", undefined],
    [".s", undefined],
    ["1d", undefined],
    ["1 s", undefined],
    ["", undefined],
    ["1e3s", undefined],
    [`${"1".repeat(70)}s`, undefined],
  ] as const;
  for (const [text, expected] of ROWS) {
    it(`reads ${JSON.stringify(text.slice(0, 20))} as ${expected === undefined ? "nothing" : `${expected} us`}`, () => {
      assert.equal(parseGoDuration(text), expected);
    });
  }

  it("reads what our own durations are spelt like (property)", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000 }), (milliseconds) => {
        const duration = parseGoDuration(`${milliseconds}ms`);
        assert.ok(duration !== undefined);
        assert.equal(duration, milliseconds * 1_000);
        assert.notEqual(parseGoDuration(formatDuration(duration)), undefined);
      }),
    );
  });
});

describe("parseCommunity", () => {
  const ROWS = [
    ["0:0", "community"],
    ["65535:65535", "community"],
    ["large:0:0:4294967295", "community"],
    ["65536:0", "malformed"],
    ["1:", "malformed"],
    [":1", "malformed"],
    ["-1:1", "malformed"],
    ["large:0:0:4294967296", "malformed"],
    ["1:2:3:4", "malformed"],
    ["no-advertise", "name"],
    ["", "name"],
    ["1:2:3", "name"],
    ["a:b:c:d:e", "name"],
  ] as const;
  for (const [text, type] of ROWS) {
    it(`takes "${text}" for a ${type}`, () => {
      const read = parseCommunity(text);
      assert.equal(read.type, type);
      if (read.type === "community") assert.equal(formatCommunity(read.community), text);
    });
  }
});

const selector = (over: Partial<LabelSelector>): LabelSelector => ({
  matchLabels: {},
  matchExpressions: [],
  ...over,
});

describe("mayShareNode", () => {
  const rack = (value: string) => selector({ matchLabels: { rack: value } });
  const among = (...values: string[]) =>
    selector({ matchExpressions: [{ key: "rack", operator: "In", values }] });
  const not = (...values: string[]) =>
    selector({ matchExpressions: [{ key: "rack", operator: "NotIn", values }] });
  const present = selector({ matchExpressions: [{ key: "rack", operator: "Exists" }] });
  const absent = selector({ matchExpressions: [{ key: "rack", operator: "DoesNotExist" }] });
  const ROWS: readonly (readonly [string, readonly LabelSelector[], readonly LabelSelector[], boolean])[] = [
    ["all nodes and some", [], [rack("1")], true],
    ["the same label", [rack("1")], [rack("1")], true],
    ["different values of a label", [rack("1")], [rack("2")], false],
    ["different labels", [rack("1")], [selector({ matchLabels: { row: "1" } })], true],
    ["sets with a common value", [among("1", "2")], [among("2", "3")], true],
    ["sets without a common value", [among("1", "2")], [among("3")], false],
    ["a value and its exclusion", [rack("1")], [not("1")], false],
    ["a set of which something is left", [among("1", "2")], [not("1")], true],
    ["presence and absence", [present], [absent], false],
    ["a value and absence", [rack("1")], [absent], false],
    ["an exclusion and absence", [not("1")], [absent], true],
    ["one of several that fits", [rack("1"), rack("2")], [rack("3"), rack("2")], true],
  ];
  for (const [what, left, right, expected] of ROWS) {
    it(`${expected ? "cannot rule out" : "rules out"} a common node: ${what}`, () => {
      assert.equal(mayShareNode(left, right, undefined), expected);
      assert.equal(mayShareNode(right, left, undefined), expected);
    });
  }

  it("never rules out a node that there is (property)", () => {
    const value = fc.constantFrom("1", "2", "3");
    const key = fc.constantFrom("rack", "row");
    const requirement = fc.oneof(
      fc.record({
        key,
        operator: fc.constantFrom("In" as const, "NotIn" as const),
        values: fc.array(value, { minLength: 1 }),
      }),
      fc.record({ key, operator: fc.constantFrom("Exists" as const, "DoesNotExist" as const) }),
    );
    const one = fc.record({
      matchLabels: fc.dictionary(key, value),
      matchExpressions: fc.array(requirement, { maxLength: 2 }),
    });
    const some = fc.array(one, { maxLength: 2 });
    fc.assert(
      fc.property(some, some, fc.dictionary(key, value), (left, right, labels) => {
        if (mayShareNode(left, right, new Map([["node", labels]]))) {
          assert.equal(mayShareNode(left, right, undefined), true);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("yaml", () => {
  it("is read back as it was, whatever the text looks like (property)", () => {
    const odd = fc.constantFrom(
      "yes",
      "NO",
      "on",
      "null",
      "~",
      "1",
      "0x1",
      "1e3",
      "2026-01-01",
      "a: b",
      "- a",
      "# c",
      "",
      " a ",
      "a #b",
      "a\nb",
      "=",
      "<<",
      "é",
      ":",
      "y",
      "{}",
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 3 },
        fc.oneof(odd, fc.string(), fc.integer(), fc.boolean(), fc.constant(null)),
        fc.array(tie("tree"), { maxLength: 3 }),
        fc.dictionary(fc.oneof(odd, fc.stringMatching(/^[a-z]{1,5}$/)), tie("tree"), { maxKeys: 3 }),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        const text = yaml(value as YamlValue);
        assert.deepEqual(parse(text), JSON.parse(JSON.stringify(value)));
        assert.equal(yaml(value as YamlValue), text);
      }),
      { numRuns: 1_000 },
    );
  });
});
