import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { createInterner } from "./intern.ts";

describe("an interner", () => {
  it("changes nothing that can be seen", () => {
    const { intern } = createInterner();
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const before = structuredClone(value);
        intern(value);
        assert.deepEqual(value, before);
      }),
    );
  });

  it("leaves alone what is frozen or no plain object", () => {
    const { intern } = createInterner();
    const value = {
      map: new Map([["a", "b"]]),
      frozen: Object.freeze({ text: "x" }),
      at: new Date(0),
      none: null,
    };
    intern(value);
    assert.deepEqual(value, {
      map: new Map([["a", "b"]]),
      frozen: { text: "x" },
      at: new Date(0),
      none: null,
    });
    for (const odd of [undefined, null, 7, "text", Object.freeze({ a: "b" })]) intern(odd);
  });

  it("keeps one copy of equal texts, however many others come between", () => {
    setFlagsFromString("--expose-gc");
    const collect: () => void = runInNewContext("gc");
    const weigh = (prepare: (value: unknown) => void): number => {
      collect();
      const before = process.memoryUsage().heapUsed;
      const kept = Array.from({ length: 20_000 }, (_, index) => {
        const value: unknown = JSON.parse(`{"unique":"${index}-unique","shared":"${"s".repeat(60)}"}`);
        prepare(value);
        return value;
      });
      collect();
      const after = process.memoryUsage().heapUsed;
      assert.equal(kept.length, 20_000);
      return after - before;
    };
    const plain = weigh(() => undefined);
    const interned = weigh(createInterner().intern);
    // 20,000 copies of 60 characters and their headers.
    assert.ok(plain - interned > 20_000 * 50, `${plain} ${interned}`);
  });
});
