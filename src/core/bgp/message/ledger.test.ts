import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";

const BGP = new URL("..", import.meta.url);
const STANDARDS = new URL("../../../../docs/standards/", import.meta.url);
const ROOT = new URL("../../../../", import.meta.url);
const PAGES = ["4271", "4724", "4760", "7606"] as const;
const MESSAGES = "src/core/bgp/message/";

type Row = {
  readonly sections: readonly string[];
  readonly state: string;
  readonly where: string;
  /** Whose files it names first: tests of the section are there. */
  readonly folder: string;
};

/** Files that a row names, from the top of the repository. */
const filesIn = (where: string): readonly string[] =>
  Array.from(where.matchAll(/`([\w/.-]+\.ts)`/g), ([, file = ""]) =>
    file.startsWith("src/") ? file : `${MESSAGES}${file}`,
  );

/** `src/core/bgp/message/attribute/origin.ts` is of `message`. */
const folderOf = (where: string): string =>
  /^src\/core\/bgp\/([\w-]+)\//.exec(filesIn(where)[0] ?? "")?.[1] ?? "message";

/** The rows of a ledger's tables. */
const rowsOf = (number: string): readonly Row[] =>
  readFileSync(new URL(`rfc${number}.md`, STANDARDS), "utf8")
    .split("\n")
    .filter((line) => /^\| \d/.test(line))
    .map((line) => {
      const [, sections = "", , state = "", where = ""] = line.split("|").map((cell) => cell.trim());
      return { sections: sections.split(", "), state, where, folder: folderOf(where) };
    });

/** Titles of tests that name a standard, by folder and section: a comment, or a name of a file, proves nothing. */
const titlesOf = (number: string): ReadonlyMap<string, readonly string[]> => {
  const titles = new Map<string, readonly string[]>();
  for (const file of globSync("**/*.test.ts", { cwd: BGP.pathname })) {
    const [folder = ""] = file.split("/");
    const text = readFileSync(new URL(file, BGP), "utf8").replaceAll(/^\s*(?:\/\/|\*|\/\*\*).*$/gm, "");
    for (const [, title = ""] of text.matchAll(/["`]([^"`\n]*RFC \d[^"`\n]*)["`]/g)) {
      for (const [, section = ""] of title.matchAll(
        new RegExp(`RFC ${number} §([\\d.]*\\d(?: \\([a-z]\\))?)`, "g"),
      )) {
        const key = `${folder} ${section}`;
        titles.set(key, [...new Set([...(titles.get(key) ?? []), title])]);
      }
    }
  }
  return titles;
};

for (const number of PAGES) {
  describe(`the ledger of RFC ${number}`, () => {
    it("has a test of its own, in the folder that does it, for every line that is done", () => {
      const titles = titlesOf(number);
      const claimed = rowsOf(number).filter(({ state }) => state.startsWith("done"));
      assert.ok(claimed.length > 0);
      const lines = new Map<string, number>();
      for (const { sections, folder } of claimed)
        for (const section of sections) {
          const key = `${folder} ${section}`;
          lines.set(key, (lines.get(key) ?? 0) + 1);
        }
      const unproven = [...lines].filter(([key, count]) => (titles.get(key)?.length ?? 0) < count);
      assert.deepEqual(unproven, []);
    });

    it("has a row for every section that a test of messages names", () => {
      const sections = new Set(rowsOf(number).flatMap((row) => row.sections));
      const named = [...titlesOf(number).keys()].filter((key) => key.startsWith("message "));
      assert.deepEqual(
        named.filter((key) => !sections.has(key.slice("message ".length))),
        [],
      );
    });

    it("names files that are there", () => {
      const files = rowsOf(number).flatMap(({ where }) => filesIn(where));
      assert.deepEqual(
        files.filter((file) => !existsSync(new URL(file, ROOT))),
        [],
      );
    });
  });
}
