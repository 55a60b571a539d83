import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
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

  it("shows configuration in the README that steelyard check accepts", () => {
    const text = readFileSync(join(root, "README.md"), "utf8");
    const blocks = Array.from(text.matchAll(/```yaml\n(.*?)```/gs), ([, block = ""]) => block);
    assert.equal(blocks.length, 1);
    const folder = mkdtempSync(join(tmpdir(), "steelyard-readme-"));
    try {
      const file = join(folder, "edge.yaml");
      writeFileSync(file, blocks.join(""));
      const checked = spawnSync(process.execPath, [join(root, "src/main.ts"), "check", file], {
        encoding: "utf8",
      });
      assert.equal(checked.status, 0, checked.stdout + checked.stderr);
      assert.doesNotMatch(checked.stdout + checked.stderr, /warning/i);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("keeps the README under 150 lines", () => {
    assert.ok(readFileSync(join(root, "README.md"), "utf8").split("\n").length <= 150);
  });
});
