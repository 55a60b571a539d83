import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import { type Obstacle, PROBE_DEFAULTS, TRIES } from "./machine.ts";

const PAGE = readFileSync(new URL("../../../docs/reference/reachability.md", import.meta.url), "utf8");

/** Every obstacle, by which the compiler sees that none is missing. */
const OBSTACLES: Readonly<Record<Obstacle["type"], true>> = {
  "not-resolved": true,
  "other-machine": true,
  "answered-twice": true,
  silent: true,
  refused: true,
};

it("documents every obstacle, and no other", () => {
  const [section = ""] = PAGE.split("## What it means\n").slice(1, 2).join().split("\n## ");
  const documented = Array.from(section.matchAll(/^\| `([^`]+)`/gm), ([, word = ""]) => word);
  assert.deepEqual(documented, Object.keys(OBSTACLES));
});

it("documents how often and how long it asks", () => {
  assert.deepEqual([TRIES, PROBE_DEFAULTS.timeout, PROBE_DEFAULTS.interval], [3, 500_000, 10_000_000]);
  for (const words of ["Each question is asked three times, half a second each", "every ten seconds"]) {
    assert.ok(PAGE.includes(words), words);
  }
});
