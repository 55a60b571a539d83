import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { splitCommand, splitWords } from "./words.ts";

/** Words as text; braces as themselves, so that a quoted brace is told apart by its quotes. */
const shown = (line: string): readonly string[] =>
  splitWords(line).map((word) =>
    word.type === "text" ? `<${word.text}>` : word.type === "open" ? "{" : "}",
  );

describe("the words of a line", () => {
  const cases: readonly (readonly [line: string, words: readonly string[]])[] = [
    ["priority  100", ["<priority>", "<100>"]],
    ['abcd" efg h jkl "mnop', ["<abcd efg h jkl mnop>"]],
    ['abcd "efg h jkl" mnop', ["<abcd>", "<efg h jkl>", "<mnop>"]],
    ["vrrp_script f{", ["<vrrp_script>", "<f>", "{"]],
    ["group { a b }", ["<group>", "{", "<a>", "<b>", "}"]],
    ["\"{\" '}'", ["<{>", "<}>"]],
    [`\${NOBODY}x`, [`<\${NOBODY}x>`]],
    [String.raw`a\ b \"c \x41\102\n`, ["<a b>", '<"c>', "<AB\n>"]],
    [`"it's"`, ["<it's>"]],
    ['""', ["<>"]],
    ['"never closed', ["<never closed>"]],
    ["", []],
  ];
  for (const [line, words] of cases) {
    it(`of ${line} are ${words.join(" ")}`, () => {
      assert.deepEqual(shown(line), words);
    });
  }

  it("never throw on arbitrary text", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (line) => void splitWords(line)));
  });
});

describe("a command line", () => {
  it("is split at spaces, except in quotes, as keepalived does", () => {
    // What a script was told by keepalived 2.2.7 when this was its `script` line.
    const [word] = splitWords(String.raw`"/bin/argv one 'two three' four\ five \"six seven\""`);
    assert.deepEqual(word?.type === "text" ? splitCommand(word.text) : undefined, [
      "/bin/argv",
      "one",
      "two three",
      "four",
      "five",
      "six seven",
    ]);
  });

  it("keeps what a shell would read something into", () => {
    assert.deepEqual(splitCommand("a  $HOME | b > c"), ["a", "$HOME", "|", "b", ">", "c"]);
    assert.deepEqual(splitCommand("a ''"), ["a", ""]);
  });
});
