import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { formatDuration } from "#base/time";
import { WORST_MED } from "#core/bgp/last-resort";
import { DEFAULT_DAMPING } from "#core/bgp/rib-out/damping";
import { IMPAIRMENTS } from "#core/node/impairment";
import { PEER_REASONS, REASON_TEXTS } from "./reason.ts";
import { DEFAULT_GRADING, DEFAULT_LINK_BANDWIDTH, DEFAULT_RULES, type RouteTreatment } from "./rules.ts";

const PAGE = readFileSync(new URL("../../../docs/reference/bgp-announcements.md", import.meta.url), "utf8");

/** The text under a heading. */
const under = (heading: string): string => PAGE.split(`## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";

/** The rows of the table under a heading: cells without the marks of code. */
const rows = (heading: string): readonly (readonly string[])[] =>
  [...under(heading).matchAll(/^\| (.*) \|$/gm)]
    .slice(1)
    .map(([, row = ""]) => row.split(" | ").map((cell) => cell.replaceAll("`", "")));

const sentence = (text: string): string => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;

const DONE: Readonly<Record<RouteTreatment, string>> = {
  none: "nothing",
  "last-resort": "last resort, as long as it lasts",
  drain: "last resort for the drain time, then withdrawn",
  withdraw: "withdrawn at once",
};

describe("docs/reference/bgp-announcements.md", () => {
  it("lists every reason in the order in which they are asked, with the same words", () => {
    assert.deepEqual(
      rows("Why a peer is not told"),
      PEER_REASONS.map((reason) => {
        const { message, remedy } = REASON_TEXTS[reason];
        return [reason, sentence(message), sentence(remedy)];
      }),
    );
  });

  it("lists every state of a node, the least first, with what is done by default", () => {
    assert.deepEqual(
      rows("Nodes that are about to go").map(([state, , done]) => [state, done]),
      IMPAIRMENTS.map((impairment) => [impairment, DONE[DEFAULT_GRADING[impairment]]]),
    );
  });

  it("has the figures of the code", () => {
    const going = under("Nodes that are about to go");
    assert.ok(going.includes(`The drain time is ${formatDuration(DEFAULT_RULES.drainTime)} unless set.`));
    assert.ok(going.includes(`the MED ${WORST_MED}.`));
    assert.ok(under("Weights").includes(`(${DEFAULT_LINK_BANDWIDTH.perEndpoint} for each`));
    const { halfLife, holdAbove, releaseBelow, longestHold } = DEFAULT_DAMPING;
    assert.deepEqual(
      rows("Bounds").map(([, value]) => value),
      ["1", formatDuration(halfLife), `${holdAbove}`, `${releaseBelow}`, formatDuration(longestHold)],
    );
    const fiveInARow = Math.ceil((halfLife * Math.log2(5 / releaseBelow)) / 1_000_000);
    assert.ok(under("Bounds").includes(`Five goings in a row hold a prefix for ${fiveInARow} s`));
  });
});
