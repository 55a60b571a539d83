import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";

type Locked = { readonly optionalDependencies?: Readonly<Record<string, string>> };

it("locks every platform's optional packages, without which npm ci refuses the lock file", () => {
  const text = readFileSync(join(import.meta.dirname, "../package-lock.json"), "utf8");
  const { packages }: { packages: Readonly<Record<string, Locked>> } = JSON.parse(text);
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !(`node_modules/${name}` in packages || `${path}/node_modules/${name}` in packages),
    ),
  );
  assert.deepEqual(missing, []);
});
