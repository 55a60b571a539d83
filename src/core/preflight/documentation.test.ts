import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import { FINDINGS } from "./finding.ts";

it("every kind of finding has its row in the preflight's page, and there is no other", () => {
  const page = readFileSync(new URL("../../../docs/reference/preflight.md", import.meta.url), "utf8");
  const rows = [...page.matchAll(/^\| `([a-z0-9-]+)` \|/gm)].map(([, code]) => code);
  assert.deepEqual(rows, [...FINDINGS]);
});
