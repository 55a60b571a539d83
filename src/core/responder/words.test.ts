import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import { UNFIT_REASONS } from "./fitness.ts";
import { HEARING_OUTCOMES } from "./hearing.ts";
import { DROP_REASONS } from "./reading.ts";

const PAGE = readFileSync(new URL("../../../docs/reference/responder.md", import.meta.url), "utf8");

/** The words in the first columns of the tables under a heading. */
const documented = (heading: string): readonly string[] => {
  const [section = ""] = PAGE.split(`## ${heading}\n`).slice(1, 2).join().split("\n## ");
  return Array.from(section.matchAll(/^\| `([^`]+)`/gm), ([, word = ""]) => word);
};

it("documents every reason why nothing is said on an interface, and no other", () =>
  assert.deepEqual(documented("Where it speaks"), [...UNFIT_REASONS, "other-link-speaks"]));

it("documents everything that may become of a frame, and nothing else", () =>
  assert.deepEqual(
    documented("What became of each frame").toSorted(),
    [...HEARING_OUTCOMES, ...DROP_REASONS].toSorted(),
  ));
