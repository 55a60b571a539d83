import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { referencesOf } from "./promql.ts";

const metrics = (expression: string): readonly string[] =>
  referencesOf(expression).selections.map(({ metric }) => metric);

describe("what an expression of PromQL refers to", () => {
  it("is the metrics, and neither functions, labels, durations nor numbers", () => {
    assert.deepEqual(
      metrics('100 * max by (a, b) (m1) / sum(rate(m2_total{l="m9"}[$__rate_interval])) > 7e3'),
      ["m1", "m2_total"],
    );
    assert.deepEqual(metrics("absent(m1 == 1) unless on () m2"), ["m1", "m2"]);
    assert.deepEqual(metrics("m1 offset 5m and m2"), ["m1", "m2"]);
  });

  it("is the labels that are compared", () => {
    assert.deepEqual(referencesOf('m{a="x", b!~"y, }",c=~"$n"}').selections, [
      {
        metric: "m",
        matchers: [
          { label: "a", operator: "=", value: "x" },
          { label: "b", operator: "!~", value: "y, }" },
          { label: "c", operator: "=~", value: "$n" },
        ],
      },
    ]);
    assert.deepEqual(referencesOf("m{}").selections, [{ metric: "m", matchers: [] }]);
  });

  it("is the labels that are kept, and the functions", () => {
    const { labels, functions } = referencesOf(
      "sum by (a) (x) / on (b, c) group_left (d) sum without () (y)",
    );
    assert.deepEqual(labels, ["a", "b", "c", "d"]);
    assert.deepEqual(functions, ["sum", "sum"]);
  });

  for (const broken of ["m{a}", "m{a=}", "m{", "sum by (a", 'm{a="x}', "m & n"]) {
    it(`refuses ${broken}`, () => assert.throws(() => referencesOf(broken)));
  }
});
