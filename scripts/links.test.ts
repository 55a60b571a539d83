import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";

const root = join(import.meta.dirname, "..");

/** The pages a reader may open: those at the root and all below docs and examples. */
const pages = (): readonly string[] => [
  ...readdirSync(root).filter((name) => name.endsWith(".md")),
  ...["docs", "examples"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".md"))
      .map((name) => `${folder}/${name}`),
  ),
];

const LINK = /\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)/g;

describe("the documentation", () => {
  for (const page of pages()) {
    it(`links from ${page} to files that exist`, () => {
      const text = readFileSync(join(root, page), "utf8");
      const targets = Array.from(text.matchAll(LINK), ([, target = ""]) => target);
      assert.deepEqual(
        targets.filter((target) => !existsSync(join(root, dirname(page), target))),
        [],
      );
    });
  }

  it("keeps the README under 150 lines", () => {
    assert.ok(readFileSync(join(root, "README.md"), "utf8").split("\n").length <= 150);
  });
});
