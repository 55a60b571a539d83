import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";

const ROOT = new URL("../../../", import.meta.url);
const PAGES = ["5880", "5881", "5883"] as const;
/** Where tests of BFD are; a driver's contract is run against the fake and the real one. */
const TESTS = ["src/core/bfd/*.test.ts", "src/drivers/bfd/{*.test,contract}.ts", "src/runtime/bfd/*.test.ts"];

type Row = { readonly sections: readonly string[]; readonly state: string; readonly where: string };

/** The rows of a ledger's tables. */
const rowsOf = (number: string): readonly Row[] =>
  readFileSync(new URL(`docs/standards/rfc${number}.md`, ROOT), "utf8")
    .split("\n")
    .filter((line) => /^\| \d/.test(line))
    .map((line) => {
      const [, sections = "", , state = "", where = ""] = line.split("|").map((cell) => cell.trim());
      return { sections: sections.split(", "), state, where };
    });

const TITLES = TESTS.flatMap((pattern) => globSync(pattern, { cwd: ROOT.pathname }))
  .flatMap((file) => readFileSync(new URL(file, ROOT), "utf8").match(/\b(?:it|describe)\(\s*["`].*/g) ?? [])
  .join("\n");

/** The sections of a standard that titles of tests name. */
const cited = (number: string): ReadonlySet<string> => {
  const lists = TITLES.matchAll(new RegExp(`RFC ${number} (§[\\d.]*\\d(?:, §[\\d.]*\\d)*)`, "g"));
  return new Set(Array.from(lists, ([, list = ""]) => list.split(", ").map((each) => each.slice(1))).flat());
};

for (const number of PAGES) {
  describe(`the ledger of RFC ${number}`, () => {
    it("has a test for every section that is done", () => {
      const tested = cited(number);
      const claimed = rowsOf(number).filter(({ state }) => state.startsWith("done"));
      assert.ok(claimed.length > 0);
      const untested = claimed.filter(({ sections }) => sections.some((section) => !tested.has(section)));
      assert.deepEqual(untested, []);
    });

    it("has a row for every section that a test names", () => {
      const sections = new Set(rowsOf(number).flatMap((row) => row.sections));
      assert.deepEqual(
        [...cited(number)].filter((section) => !sections.has(section)),
        [],
      );
    });

    it("names files that are there", () => {
      const files = rowsOf(number).flatMap(({ where }) =>
        Array.from(where.matchAll(/`([\w/.-]+\.ts)`/g), ([, file = ""]) => file),
      );
      const lost = files.filter(
        (file) => !existsSync(new URL(file.startsWith("src/") ? file : `src/core/bfd/${file}`, ROOT)),
      );
      assert.deepEqual(lost, []);
    });
  });
}
