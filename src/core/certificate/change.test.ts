import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { changeReason, changeSentence } from "./change.ts";
import type { CertificateChange } from "./plan.ts";

const CHANGES: readonly CertificateChange[] = [
  { type: "create", reason: "absent", keep: [] },
  { type: "add-authority", reason: "authority-due", keep: [] },
  { type: "issue", reason: "due", signer: "PEM", keep: [] },
  { type: "issue", reason: "names", signer: "PEM", keep: [] },
  { type: "drop-authorities", keep: ["PEM"] },
];

describe("a change of the certificate", () => {
  it("has a reason in CamelCase, one for each kind", () => {
    const reasons = CHANGES.map(changeReason);
    for (const reason of reasons) assert.match(reason, /^([A-Z][a-z]+)+$/);
    assert.equal(new Set(reasons).size, 4);
  });

  it("is told in a sentence with its cause, and without certificates", () => {
    const sentences = CHANGES.map(changeSentence);
    assert.equal(new Set(sentences).size, CHANGES.length);
    assert.match(sentences[3] ?? "", /renewed .*: it lacked a name/);
    assert.ok(sentences.every((sentence) => !sentence.includes("PEM")));
  });
});
