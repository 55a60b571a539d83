import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseYaml } from "./yaml.ts";

const parse = (text: string) => parseYaml({ path: "edge.yaml", text });
const problemsOf = (text: string) =>
  parse(text).problems.map(({ line, column, message }) => `${line}:${column} ${message}`);

const TEXT = `# A comment first.
kind: VirtualRouter
spec:
  priority: 300
  addresses:
    - 192.0.2.10/24
    - {address: 192.0.2.11/24, label: "eth0:1"}
  shared: &shared {a: 1}
  again: *shared
---
kind: VirtualServer
`;

describe("parseYaml", () => {
  it("gives every document that holds something", () => {
    const { documents, problems } = parse(`---\n${TEXT}---\n# nothing\n---\n`);
    assert.deepEqual(problems, []);
    assert.equal(documents.length, 2);
    assert.deepEqual(documents[1]?.value, { kind: "VirtualServer" });
  });

  for (const [path, at, line, column] of [
    [["spec", "priority"], "value", 4, 13],
    [["spec", "priority"], "key", 4, 3],
    [["spec"], "value", 3, 1],
    [["spec", "addresses"], "value", 5, 3],
    [["spec", "addresses", 0], "value", 6, 7],
    [["spec", "addresses", 1, "label"], "value", 7, 39],
    [["spec", "addresses", 1, "label"], "key", 7, 32],
    [["spec", "vrid"], "value", 3, 1],
    [["spec", "again"], "value", 9, 10],
    [["spec", "again", "a"], "value", 8, 23],
    [["metadata", "name"], "value", 2, 1],
    [[], "value", 2, 1],
    [["spec", "priority", "deeper", 3], "value", 4, 3],
  ] as const) {
    it(`places the ${at} of ${JSON.stringify(path)} at ${line}:${column}`, () => {
      assert.deepEqual(parse(TEXT).documents[0]?.locate(path, at), { line, column });
    });
  }

  it("places a problem of the second document in the second document", () => {
    assert.deepEqual(parse(TEXT).documents[1]?.locate(["kind"], "value"), { line: 11, column: 7 });
  });

  for (const [what, text, found] of [
    ["a key given twice", "a: 1\nb: 2\na: 3\n", ["3:1 a is given twice"]],
    ["tabs", "a:\n\tb: 3\n", ["2:1 tabs are not allowed as indentation"]],
    [
      "numbers with leading zeros",
      "port: 080\nmode: -017\n",
      ["1:7 080 has a leading zero", "2:7 -017 has a leading zero"],
    ],
    ["tags", "a: !secret x\n", ["1:4 unresolved tag: !secret"]],
    ["keys that are not text", "? [a]\n: 1\n", ["1:3 with stringKeys, all keys must be strings"]],
    ["nesting without end", "[".repeat(100_000), undefined],
    ["nesting deeper than the stack", `${"{a: ".repeat(10_000)}1${"}".repeat(10_000)}`, undefined],
  ] as const) {
    it(`refuses ${what}`, () => {
      const { documents, problems } = parse(text);
      assert.ok(problems.length > 0);
      if (found !== undefined) assert.deepEqual(problemsOf(text), found);
      else
        assert.deepEqual([documents, problems.map(({ message }) => message)], [[], ["is nested too deeply"]]);
    });
  }

  for (const [what, text, found] of [
    ["a line that is indented too far", "a:\n  b: 1\n   c: 2\nd: 3\n", "2:6"],
    ["a colon within a value", "a: b: c\n", "1:4"],
    ["no space after a colon", "a:\n  b:1\n  c: 2\n", "2:3"],
    ["a line that is indented too little", "a:\n    b: 1\n  c: 2\n", "3:1"],
    ["tabs, and what comes of them", "a:\n  b: 1\n\tc: 2\n  d: 3\n", "3:1"],
    ["a quote that is not closed", 'a: "b\nc: d\n', "3:1"],
    ["no line between two resources", "apiVersion: a\nkind: b\napiVersion: a\nkind: b\n", "3:1"],
  ] as const) {
    it(`says once where ${what} is, and what to do`, () => {
      const { problems } = parse(text);
      assert.deepEqual(
        problems.map(({ line, column }) => `${line}:${column}`),
        [found],
      );
      assert.match(problems[0]?.hint ?? "", /^[A-Z].*\.$/);
      assert.doesNotMatch(problems[0]?.message ?? "", /compact|implicit/i);
    });
  }

  it("reports every tag, since none makes the next line wrong", () => {
    assert.deepEqual(problemsOf("a: !x 1\nb: !y 2\n"), ["1:4 unresolved tag: !x", "2:4 unresolved tag: !y"]);
  });

  it("does not let anchors multiply", () => {
    const levels = Array.from({ length: 9 }, (_, i) => {
      const item = i === 0 ? "x" : `*l${i - 1}`;
      return `l${i}: &l${i} [${Array.from({ length: 10 }, () => item).join(", ")}]`;
    });
    assert.deepEqual(problemsOf(levels.join("\n")), [
      "1:1 uses anchors more than 100 times, counting what they stand for",
    ]);
  });

  it("keeps plain words text: yes, no, on, off, octal and sexagesimal look-alikes", () => {
    assert.deepEqual(parse("a: yes\nb: off\nc: 10:20\nd: '080'\ne: 1_000\n").documents[0]?.value, {
      a: "yes",
      b: "off",
      c: "10:20",
      d: "080",
      e: "1_000",
    });
  });

  it("reports at most twenty mistakes of a file", () => {
    assert.equal(parse("a: 01\n---\n".repeat(1_000)).problems.length, 20);
    const keys = Array.from({ length: 200_000 }, (_, index) => `k${index}: 01\n`);
    assert.equal(parse(keys.join("")).problems.length, 20);
  });

  it("never throws, and places every problem within the text (fuzzing)", () => {
    const lines = TEXT.split("\n");
    const spliced = fc
      .tuple(
        fc.nat(TEXT.length),
        fc.nat(6),
        fc.oneof(fc.string(), fc.constantFrom(...":-[]{}&*!|>%@`\"'#,?\n\t ~<")),
      )
      .map(([start, length, insert]) => TEXT.slice(0, start) + insert + TEXT.slice(start + length));
    const shuffled = fc.shuffledSubarray(lines).map((some) => some.join("\n"));
    fc.assert(
      fc.property(fc.oneof(fc.string({ maxLength: 200 }), spliced, shuffled), (text) => {
        const { documents, problems } = parse(text);
        const count = text.split(/\r\n|\n|\r/).length;
        const places = [
          ...problems,
          ...documents.map((each) => each.locate(["spec", "addresses", 0], "value")),
        ];
        for (const { line, column } of places) assert.ok(line >= 1 && line <= count + 1 && column >= 1);
      }),
      { numRuns: 2_000 },
    );
  });
});
