import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createTurns } from "./turns.ts";
import { parseWatchEvent } from "./watch-event.ts";

describe("a line of a watch", () => {
  it("never makes the reader throw, and is a failure unless it is an event with a version", () => {
    const event = fc.record({
      type: fc.constantFrom("ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR", "?"),
      object: fc.oneof(fc.jsonValue(), fc.record({ metadata: fc.jsonValue() })),
    });
    const lines = fc.oneof(
      fc.string(),
      fc.json(),
      event.map((each) => JSON.stringify(each)),
    );
    fc.assert(
      fc.property(lines, (line) => {
        assert.equal(parseWatchEvent(line, []).type, "failure");
      }),
    );
  });

  it("that tells of an error has its status, or 500, and no secret", () => {
    const error = (object: unknown) => parseWatchEvent(JSON.stringify({ type: "ERROR", object }), ["sesame"]);
    for (const [code, status] of [[410, 410] as const, [200, 500] as const, ["x", 500] as const]) {
      const event = error({ code, message: "with sesame" });
      assert.ok(event.type === "failure");
      assert.deepEqual([event.failure.status, event.failure.message], [status, "with ***"]);
    }
  });
});

describe("turns", () => {
  it("are over after ten milliseconds of parsing, and begin anew in the next turn of the event loop", async () => {
    let now = 0;
    const turns = createTurns(() => now);
    assert.equal(turns.isOver(), false);
    now = 9.9;
    assert.equal(turns.isOver(), false);
    now = 10;
    assert.equal(turns.isOver(), true);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(turns.isOver(), false);
    now = 20;
    assert.equal(turns.isOver(), true);
  });
});
