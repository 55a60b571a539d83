import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";

const BGP = new URL("..", import.meta.url);
const STANDARDS = new URL("../../../../docs/standards/", import.meta.url);
const ROOT = new URL("../../../../", import.meta.url);
const PAGES = ["4271", "4724", "4760", "7606"] as const;

type Row = { readonly sections: readonly string[]; readonly state: string; readonly where: string };

/** The rows of a ledger's tables. */
const rowsOf = (number: string): readonly Row[] =>
  readFileSync(new URL(`rfc${number}.md`, STANDARDS), "utf8")
    .split("\n")
    .filter((line) => /^\| \d/.test(line))
    .map((line) => {
      const [, sections = "", , state = "", where = ""] = line.split("|").map((cell) => cell.trim());
      return { sections: sections.split(", "), state, where };
    });

/** The sections of a standard that titles of tests name, in the files that fit. */
const cited = (number: string, pattern: string): ReadonlySet<string> => {
  const text = globSync(pattern, { cwd: BGP.pathname })
    .map((file) => readFileSync(new URL(file, BGP), "utf8"))
    .join("\n");
  const titles = text.matchAll(new RegExp(`RFC ${number} §([\\d.]*\\d(?: \\([a-z]\\))?)`, "g"));
  return new Set(Array.from(titles, ([, section = ""]) => section));
};

for (const number of PAGES) {
  describe(`the ledger of RFC ${number}`, () => {
    it("has a test for every section that is done", () => {
      const tested = cited(number, "**/*.test.ts");
      const claimed = rowsOf(number).filter(({ state }) => state.startsWith("done"));
      assert.ok(claimed.length > 0);
      const untested = claimed.filter(({ sections }) => sections.some((section) => !tested.has(section)));
      assert.deepEqual(untested, []);
    });

    it("has a row for every section that a test of messages names", () => {
      const sections = new Set(rowsOf(number).flatMap((row) => row.sections));
      const missing = [...cited(number, "message/*.test.ts")].filter((section) => !sections.has(section));
      assert.deepEqual(missing, []);
    });

    it("names files that are there", () => {
      const files = rowsOf(number).flatMap(({ where }) =>
        Array.from(where.matchAll(/`([\w/.-]+\.ts)`/g), ([, file = ""]) => file),
      );
      const lost = files.filter(
        (file) => !existsSync(new URL(file.startsWith("src/") ? file : `src/core/bgp/message/${file}`, ROOT)),
      );
      assert.deepEqual(lost, []);
    });
  });
}
