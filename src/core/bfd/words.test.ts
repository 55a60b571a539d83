import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import { ADMISSION_REASONS } from "./admission.ts";
import { AUTHENTICATION_REASONS } from "./authentication.ts";
import { DIAGNOSTICS } from "./constants.ts";
import { PEER_EVENTS, TRANSITION_CAUSES } from "./observe.ts";
import { DECODE_REASONS } from "./packet.ts";

const PAGE = readFileSync(new URL("../../../docs/reference/bfd.md", import.meta.url), "utf8");

/** The words in the first column of the table under a heading. */
const documented = (heading: string): readonly string[] => {
  const [section = ""] = PAGE.split(`## ${heading}\n`).slice(1, 2).join().split("\n## ");
  return Array.from(section.matchAll(/^\| `([^`]+)`/gm), ([, word = ""]) => word);
};

it("documents every event of a peer, and no other", () =>
  assert.deepEqual(documented("What becomes of a peer"), PEER_EVENTS));

it("documents every cause of a transition, and no other", () =>
  assert.deepEqual(documented("Why a session changed its state"), TRANSITION_CAUSES));

it("documents every diagnostic, in the order of its code, and no other", () =>
  assert.deepEqual(documented("Diagnostics"), DIAGNOSTICS));

it("documents every reason for dropping a packet, and no other", () =>
  assert.deepEqual(documented("Why a packet was dropped"), [
    ...DECODE_REASONS,
    ...ADMISSION_REASONS,
    ...AUTHENTICATION_REASONS,
  ]));
