import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readStatements, type Statement } from "./statements.ts";

const read = (text: string) =>
  readStatements(
    text.split("\n").map((line, index) => ({ place: { file: "k", line: index + 1 }, text: line })),
  );

/** `keyword args { … }`, with the lines of a block. */
const shown = ({ keyword, args, block, place, lastLine }: Statement): string => {
  const words = [keyword, ...args].join(" ");
  const inner = block === undefined ? "" : ` {${block.map(shown).join("; ")}}`;
  return `${place.line}${lastLine === undefined ? "" : `-${lastLine}`} ${words}${inner}`;
};

describe("statements", () => {
  const cases: readonly (readonly [title: string, text: string, statements: readonly string[]])[] = [
    ["end with their line", "a b\nc", ["1 a b", "2 c"]],
    ["hold a block", "a b {\n c d\n}", ["1-3 a b {2 c d}"]],
    ["may be written on one line", "a { b { c } d }", ["1 a {1 b {1 c}; 1 d}"]],
    ["may have their brace on the next line", "a\n{\nb\n}\nc", ["1-4 a {3 b}", "5 c"]],
    ["go on after a closing brace", "a { b\n} c", ["1-2 a {1 b}", "2 c"]],
    ["hold empty blocks", "a {}", ["1 a {}"]],
  ];
  for (const [title, text, statements] of cases) {
    it(title, () => {
      const outcome = read(text);
      assert.deepEqual(outcome.ok ? outcome.statements.map(shown) : outcome, statements);
    });
  }

  it("ignore a closing brace too many, and say where", () => {
    const outcome = read("a\n}\nb");
    assert.deepEqual(outcome.ok ? outcome.strays : outcome, [{ file: "k", line: 2 }]);
  });

  const refused: readonly (readonly [text: string, line: number, message: RegExp])[] = [
    ["a\nb {\nc", 2, /never closed/],
    ["{", 1, /opens no block/],
    ["a { }\n{", 2, /opens no block/],
    ["a {\n".repeat(40), 33, /opens no block/],
  ];
  for (const [text, line, message] of refused) {
    it(`are refused when they are ${JSON.stringify(text.slice(0, 20))}`, () => {
      const outcome = read(text);
      assert.ok(!outcome.ok);
      assert.equal(outcome.why.place.line, line);
      assert.match(outcome.why.message, message);
    });
  }
});
