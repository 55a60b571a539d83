import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { IMPAIRMENTS } from "#core/node/impairment";
import { DEFAULT_GRADING, type PlaceTreatment } from "./grading.ts";
import { LEFT_OUT_REASONS, LEFT_OUT_REMEDIES, SILENT_REASONS, SILENT_TEXTS } from "./reason.ts";

const PAGE = readFileSync(new URL("../../../docs/reference/layer2-candidates.md", import.meta.url), "utf8");

/** The rows of the table under a heading: cells without the marks of code and links. */
const rows = (heading: string): readonly (readonly string[])[] => {
  const section = PAGE.split(`## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  return [...section.matchAll(/^\| (`.*) \|$/gm)].map(([, row = ""]) =>
    row.split(" | ").map((cell) => cell.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").replaceAll("`", "")),
  );
};

const firstCells = (heading: string): readonly (string | undefined)[] =>
  rows(heading).map(([first]) => first);

/** A remedy as the page spells it may say more, or the same without code marks. */
const sentence = (text: string): string => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;

const DONE: Readonly<Record<PlaceTreatment, string>> = {
  none: "keeps its place",
  "takes-no-more": "keeps its place; the even spread gives it nothing more",
  behind: "stands behind",
  out: "is left out",
};

describe("docs/reference/layer2-candidates.md", () => {
  it("lists every reason why a node is left out, in the order in which they are asked, with the same remedy", () => {
    assert.deepEqual(firstCells("Why a node is left out"), LEFT_OUT_REASONS);
    for (const [index, reason] of LEFT_OUT_REASONS.entries()) {
      const remedy = rows("Why a node is left out")[index]?.[2] ?? "";
      const told = sentence(LEFT_OUT_REMEDIES[reason]);
      assert.equal(remedy.replace("externalTrafficPolicy: Cluster", "externalTrafficPolicy Cluster"), told);
    }
  });

  it("lists every reason why nobody answers, in the order in which they are asked", () => {
    assert.deepEqual(firstCells("Why nobody answers"), SILENT_REASONS);
    for (const [index, reason] of SILENT_REASONS.entries())
      assert.ok(
        (rows("Why nobody answers")[index]?.[2] ?? "").startsWith(
          sentence(SILENT_TEXTS[reason].remedy).slice(0, 12),
        ),
        reason,
      );
  });

  it("lists every state of a node, the least first, with what is done by default", () => {
    assert.deepEqual(firstCells("Nodes that stand behind"), IMPAIRMENTS);
    for (const [index, impairment] of IMPAIRMENTS.entries())
      assert.equal(rows("Nodes that stand behind")[index]?.[2], DONE[DEFAULT_GRADING[impairment]]);
  });
});
