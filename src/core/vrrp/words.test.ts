import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import { ADMISSION_REASONS } from "./admission.ts";
import { CONFLICT_KINDS } from "./conflict.ts";
import { TRANSITION_CAUSES } from "./observe.ts";
import { DECODE_REASONS } from "./packet.ts";

const PAGE = readFileSync(new URL("../../../docs/reference/vrrp.md", import.meta.url), "utf8");

/** The words in the first column of the table under a heading. */
const documented = (heading: string): readonly string[] => {
  const [section = ""] = PAGE.split(`## ${heading}\n`).slice(1, 2).join().split("\n## ");
  return Array.from(section.matchAll(/^\| `([^`]+)`/gm), ([, word = ""]) => word);
};

it("documents every cause of a transition, and no other", () =>
  assert.deepEqual(documented("Why a router changed its state"), TRANSITION_CAUSES));

it("documents every kind of conflict, and no other", () =>
  assert.deepEqual(documented("Conflicts"), CONFLICT_KINDS));

it("documents every reason for dropping a packet, and no other", () =>
  assert.deepEqual(documented("Why a packet was dropped"), [...DECODE_REASONS, ...ADMISSION_REASONS]));
