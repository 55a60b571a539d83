import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { generatedPackaging } from "./generate-packaging.ts";

const root = join(import.meta.dirname, "..");

describe("what is installed in a cluster", () => {
  const generated = generatedPackaging();

  for (const [path, text] of generated) {
    it(`${path} is up to date; else run: node scripts/generate-packaging.ts`, () => {
      assert.equal(existsSync(join(root, path)) ? readFileSync(join(root, path), "utf8") : undefined, text);
    });
  }

  for (const folder of [
    "packaging/manifests",
    "packaging/monitoring",
    "packaging/helm/steelyard/files",
    "packaging/helm/steelyard/charts/crds/crds",
  ]) {
    it(`${folder} holds nothing but generated files`, () => {
      const strangers = readdirSync(join(root, folder)).filter((name) => !generated.has(`${folder}/${name}`));
      assert.deepEqual(strangers, []);
    });
  }
});
