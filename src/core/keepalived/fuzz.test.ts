import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseResources } from "#core/config/parse";
import { translate } from "./translate.ts";

const REAL = readFileSync(join(import.meta.dirname, "testdata/office.conf"), "utf8");

const run = (text: string) =>
  translate([{ path: "k", text }], { configId: "here", include: () => ({ files: [], problems: [] }) });

/** Whatever comes out is a configuration that may run, and every note names a line of the file. */
const isSound = (text: string): void => {
  const outcome = run(text);
  if (!outcome.ok) {
    assert.ok(outcome.why.message.length > 0);
    return;
  }
  const lines = text.split("\n").length;
  for (const { place, lastLine = place.line } of outcome.notes) {
    assert.ok(place.line >= 1 && place.line <= lastLine && lastLine <= lines);
  }
  if (outcome.resources.length > 0) {
    const parsed = parseResources(outcome.resources.map(({ value }) => value));
    assert.ok(parsed.ok, JSON.stringify(parsed));
  }
};

describe("any text", () => {
  it("never makes the importer throw, and never gives an invalid configuration", () => {
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 400 }), isSound), { numRuns: 300 });
  });

  it("of keepalived's words in any order gives notes and valid resources", () => {
    const words = [
      ...new Set(REAL.split(/\s+/)),
      "$A=",
      "$A",
      "@here",
      "@^here",
      "~SEQ(",
      "include",
      "\\",
      "255",
      "-1",
    ];
    const line = fc.array(fc.constantFrom(...words), { maxLength: 6 }).map((all) => all.join(" "));
    fc.assert(
      fc.property(fc.array(line, { maxLength: 60 }), (lines) => isSound(lines.join("\n"))),
      { numRuns: 300 },
    );
  });

  it("that was once right, with words changed, lines doubled and lines gone, stays sound", () => {
    const lines = REAL.split("\n");
    const word = fc.constantFrom(
      "",
      "0",
      "-1",
      "99999999999",
      "255",
      "eth0",
      "192.0.2.10",
      "::1",
      "reverse",
      "weight",
      "{}",
      "}",
    );
    const change = fc.record({
      line: fc.nat(lines.length - 1),
      at: fc.nat(3),
      word,
      kind: fc.constantFrom("word", "gone", "twice"),
    });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
        const edited = [...lines];
        for (const { line: index, at, word: inserted, kind } of changes) {
          const words = (lines[index] ?? "").split(" ");
          words[words.length - 1 - Math.min(at, words.length - 1)] = inserted;
          edited[index] =
            kind === "gone" ? "" : kind === "twice" ? `${lines[index]}\n${lines[index]}` : words.join(" ");
        }
        isSound(edited.join("\n"));
      }),
      { numRuns: 300 },
    );
  });

  it("is read in time that grows with its length only", () => {
    for (const text of [
      '"'.repeat(200_000),
      "a ".repeat(200_000),
      "{ ".repeat(200_000),
      "a {\n".repeat(30),
      "$A ".repeat(100_000),
    ])
      isSound(text);
    const many = Array.from({ length: 2_000 }, (_, index) => `vrrp_instance V${index} {\n interface e\n}`);
    isSound(many.join("\n"));
  });
});
