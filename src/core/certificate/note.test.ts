import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { wallTime } from "#base/time";
import { type Note, noteReason, noteSentence } from "./note.ts";

const DAY = 86_400_000;
const NOTES: readonly Note[] = [
  { type: "secret-unusable", reason: "not-base64" },
  { type: "clock-differs", by: 400 * DAY },
  { type: "clock-differs", by: -2 * 3_600_000 },
  { type: "clock-behind", by: 3 * DAY },
  { type: "certificate-from-the-future", by: 3 * DAY },
  { type: "foreign-expiring", notAfter: wallTime(0) },
  { type: "foreign-expired", notAfter: wallTime(0) },
  { type: "foreign-lacks-names", names: ["a", "b"] },
  { type: "foreign-authority-unknown" },
];

describe("a note about the certificate", () => {
  it("has a reason in CamelCase, as events have", () => {
    for (const note of NOTES) assert.match(noteReason(note), /^([A-Z][a-z]+)+$/);
    assert.equal(noteReason({ type: "foreign-lacks-names", names: [] }), "ForeignLacksNames");
  });

  it("has a sentence of its own with its figures", () => {
    const sentences = NOTES.map(noteSentence);
    assert.equal(new Set(sentences).size, NOTES.length);
    assert.match(sentences[1] ?? "", /400 days ahead of/);
    assert.match(sentences[2] ?? "", /2 h behind/);
    assert.match(sentences[5] ?? "", /1970-01-01/);
    assert.match(sentences[7] ?? "", /a and b/);
  });
});
