import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { generatedFiles } from "./generate-reference.ts";

describe("the generated reference", () => {
  for (const [path, text] of generatedFiles()) {
    it(`${path} is up to date; else run: node scripts/generate-reference.ts`, () => {
      assert.equal(readFileSync(new URL(`../${path}`, import.meta.url), "utf8"), text);
    });
  }
});
