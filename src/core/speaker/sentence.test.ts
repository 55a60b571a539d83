import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { SPEAKER_EXAMPLES } from "./examples.ts";
import { CAUSE_TEXTS, speakerSentence } from "./sentence.ts";

const PAGE = readFileSync(new URL("../../../docs/reference/speaker-events.md", import.meta.url), "utf8");

const rows = PAGE.split("\n").flatMap((line) => {
  const [, type, fields = "", text = ""] = /^\| `([a-z-]+)` \| (.*?) \| `(.*)` \|$/.exec(line) ?? [];
  return type === undefined ? [] : [{ type, fields: fields.replaceAll("`", "").split(", "), text }];
});

describe("docs/reference/speaker-events.md", () => {
  it("lists every type of event, and no other", () => {
    assert.deepEqual(
      rows.map(({ type }) => type),
      Object.keys(SPEAKER_EXAMPLES),
    );
  });

  for (const [type, event] of Object.entries(SPEAKER_EXAMPLES)) {
    it(`shows the fields and the line of ${type}`, () => {
      const row = rows.find((each) => each.type === type);
      const fields = row?.fields.map((field) => field.replace("?", "")) ?? [];
      assert.deepEqual(
        fields.toSorted(),
        Object.keys(event)
          .filter((key) => key !== "type")
          .toSorted(),
      );
      const { subject, text } = speakerSentence(event);
      assert.equal(row?.text, `${subject}: ${text}`);
    });
  }

  it("says what each cause of a move means, and knows no other", () => {
    const listed = [...PAGE.matchAll(/^\| `([a-z-]+)` \| ([^|`]+) \|$/gm)].map(([, cause, text]) => [
      cause,
      text,
    ]);
    const expected = Object.entries(CAUSE_TEXTS).map(([cause, text]) => [
      cause,
      text.replace("PEER", "the other node"),
    ]);
    assert.deepEqual(listed, expected);
  });
});

describe("the line for a move", () => {
  it("names the other node, or the holder where it is not known", () => {
    const move = { type: "address-state", address: SPEAKER_EXAMPLES.rival.address, from: "standby" } as const;
    const line = (event: Parameters<typeof speakerSentence>[0]) => speakerSentence(event).text;
    assert.equal(
      line({ ...move, to: "claiming", cause: "holder-dead", peer: "node-c" }),
      "standby -> claiming: node-c fell silent",
    );
    assert.equal(
      line({ ...move, to: "claiming", cause: "holder-dead" }),
      "standby -> claiming: the holder fell silent",
    );
  });
});
