import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { EVENT_REASONS } from "./outcome.ts";
import { CONDITION_REASONS } from "./words.ts";

const PAGE = readFileSync(new URL("../../../docs/allocation.md", import.meta.url), "utf8");

/** Words in the first column of the table under a heading. */
const listed = (heading: string): readonly string[] => {
  const section = PAGE.split(`## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  return [...section.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1] ?? "");
};

describe("docs/allocation.md", () => {
  it("lists every reason of the condition, and no other", () => {
    assert.deepEqual([...listed("Why it has none")].sort(), [...CONDITION_REASONS].sort());
  });

  it("lists every reason of an Event, and no other", () => {
    assert.deepEqual([...listed("Events")].sort(), [...EVENT_REASONS].sort());
  });
});
