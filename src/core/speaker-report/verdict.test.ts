import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { readVerdict, SPEAKER_VERDICT } from "./verdict.ts";

describe("what a speaker has said of the configuration", () => {
  it("is read with the time since when it is so", () => {
    const conditions = [
      { type: "other" },
      { type: SPEAKER_VERDICT, lastTransitionTime: "2026-01-01T00:00:00Z" },
    ];
    assert.deepEqual(readVerdict({ status: { result: "Invalid", errorSummary: "x", conditions } }), {
      ...{ result: "Invalid", errorSummary: "x", since: "2026-01-01T00:00:00Z" },
    });
    assert.deepEqual(readVerdict({}), { result: "", errorSummary: "", since: "" });
  });

  it("never throws", () => {
    fc.assert(fc.property(fc.anything(), (status) => void readVerdict({ status })));
  });
});
