import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, instant, seconds } from "#base/time";
import { Attempts, REST } from "./attempts.ts";

const START = instant(1_000_000);

describe("what was sent", () => {
  it("is not remembered for longer than it matters, however much it was", () => {
    const attempts = new Attempts();
    for (let index = 0; index < 10_000; index += 1) attempts.sent(`Service shop/web-${index}`, "a", START);
    attempts.sent("Service shop/late", "a", after(START, seconds(10)));
    assert.equal(attempts.clean(after(START, seconds(239))), 10_001);
    assert.equal(attempts.clean(after(START, REST)), 1);
    assert.equal(attempts.clean(after(START, seconds(250))), 0);
  });

  it("is not sent again under its key before there was time to see what came of it, until it is forgotten", () => {
    const attempts = new Attempts();
    attempts.sent("key", "text", START);
    assert.ok(attempts.dueAt("key", "text", START) > START);
    assert.equal(attempts.dueAt("key", "other", START), START);
    attempts.clean(after(START, REST));
    assert.equal(attempts.dueAt("key", "text", after(START, REST)), after(START, REST));
  });
});
