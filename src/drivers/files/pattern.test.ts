import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { expandBraces, matchesName } from "./pattern.ts";

describe("braces", () => {
  const cases: readonly (readonly [pattern: string, patterns: readonly string[]])[] = [
    ["plain", ["plain"]],
    ["a.{x,y}", ["a.x", "a.y"]],
    ["{foo/{,cat,dog},bar}", ["foo/", "foo/cat", "foo/dog", "bar"]],
    ["{a,b}{c,d}", ["ac", "ad", "bc", "bd"]],
    ["open{a,b", ["open{a,b"]],
  ];
  for (const [pattern, patterns] of cases) {
    it(`of ${pattern} stand for ${patterns.join(" ")}`, () => {
      assert.deepEqual(expandBraces(pattern), patterns);
    });
  }

  it("stop multiplying at a thousand", () => {
    assert.ok(expandBraces("{a,b}".repeat(64)).length <= 1_000);
  });
});

describe("a pattern", () => {
  const cases: readonly (readonly [pattern: string, yes: readonly string[], no: readonly string[]])[] = [
    ["*.conf", ["a.conf", "ab.conf"], [".conf", "a.confx", "aconf"]],
    [".*", [".conf"], ["conf"]],
    ["a?c", ["abc", "a?c"], ["ac", "abbc"]],
    ["[a-c]x", ["ax", "cx"], ["dx", "-x"]],
    ["[!a-c]x", ["dx"], ["ax"]],
    ["a**b*", ["ab", "axxbyy"], ["ba"]],
    ["[a", ["[a"], ["a"]],
    ["", [""], ["a"]],
  ];
  for (const [pattern, yes, no] of cases) {
    it(`${JSON.stringify(pattern)} means ${yes.join(" ")} and not ${no.join(" ")}`, () => {
      for (const name of yes) assert.ok(matchesName(name, pattern), name);
      for (const name of no) assert.ok(!matchesName(name, pattern), name);
    });
  }

  it("with many stars is matched in no time", () => {
    assert.ok(!matchesName("a".repeat(255), `${"*a".repeat(100)}b`));
  });

  it("never throws, and a name without special characters means itself", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (name, pattern) => {
        matchesName(name, pattern);
        if (!/[*?[]/.test(name)) assert.ok(matchesName(name, name));
      }),
    );
  });
});
