import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { stripVTControlCharacters } from "node:util";
import type { EventRecord } from "#api/events";
import { eventLine } from "./events.ts";

const RECORD: EventRecord = {
  ...{ sequence: 7, at: Date.UTC(2026, 0, 2, 3, 4, 5, 678), severity: "notice" },
  ...{ subject: "router front", text: "backup -> active (active-down-timer)" },
  event: { type: "router-state", router: "front", from: "backup", to: "active", reason: "active-down-timer" },
};

describe("steelyard events", () => {
  it("says when, what about, and what, in one line", () => {
    assert.equal(
      stripVTControlCharacters(eventLine(RECORD)),
      "2026-01-02T03:04:05.678Z router front: backup -> active (active-down-timer)",
    );
  });

  it("stays one line, and commands no terminal, whatever a script has said", () => {
    const line = eventLine({ ...RECORD, text: "failed (exit-status: \u001b[2J\nnot an event)" });
    assert.ok(line.includes("exit-status: \ufffd[2J\ufffdnot an event"));
  });
});
