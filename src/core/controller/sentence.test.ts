import assert from "node:assert/strict";
import { describe, it } from "node:test";
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
