import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { CONTROLLER_EXAMPLES } from "./examples.ts";
import { controllerSentence } from "./sentence.ts";

describe("the line for a start", () => {
  const start = { type: "controller", change: "started", detail: "1.2.3" } as const;

  it("is no more than information", () => {
    const expected = { severity: "info", subject: "controller", text: "started (1.2.3)" };
    assert.deepEqual(controllerSentence(start), expected);
    assert.deepEqual(controllerSentence({ ...start, warnings: [] }), expected);
  });

  it("is a warning when something is not as it should be", () => {
    assert.deepEqual(controllerSentence({ ...start, warnings: ["nobody is checked", "it rains"] }), {
      severity: "warning",
      subject: "controller",
      text: "started (1.2.3); nobody is checked; it rains",
    });
  });
});

const PAGE = readFileSync(new URL("../../../docs/reference/controller-events.md", import.meta.url), "utf8");

const rows = PAGE.split("\n").flatMap((line) => {
  const [, type, fields = "", text = ""] = /^\| `([a-z-]+)` \| (.*?) \| `(.*)` \|$/.exec(line) ?? [];
  return type === undefined ? [] : [{ type, fields: fields.replaceAll("`", "").split(", "), text }];
});

describe("docs/reference/controller-events.md", () => {
  it("lists every type of event, and no other", () => {
    assert.deepEqual(
      rows.map(({ type }) => type),
      Object.keys(CONTROLLER_EXAMPLES),
    );
  });

  for (const [type, event] of Object.entries(CONTROLLER_EXAMPLES)) {
    it(`shows the fields and the line of ${type}`, () => {
      const row = rows.find((each) => each.type === type);
      const fields = row?.fields.map((field) => field.replace("?", "")) ?? [];
      assert.deepEqual(
        fields.toSorted(),
        Object.keys(event)
          .filter((key) => key !== "type")
          .toSorted(),
      );
      const { subject, text } = controllerSentence(event);
      assert.equal(row?.text, `${subject}: ${text}`);
    });
  }
});
