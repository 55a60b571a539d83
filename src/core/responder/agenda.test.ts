import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { instant } from "#base/time";
import { Agenda } from "./agenda.ts";

describe("an agenda", () => {
  it("gives what is due, earliest first, and nothing a microsecond too early", () => {
    const agenda = new Agenda<string>();
    agenda.set("b", instant(20));
    agenda.set("a", instant(10));
    assert.equal(agenda.next(), 10);
    assert.equal(agenda.take(instant(9)), undefined);
    assert.deepEqual(
      [agenda.take(instant(20)), agenda.take(instant(20)), agenda.take(instant(20))],
      ["a", "b", undefined],
    );
    assert.equal(agenda.next(), undefined);
  });

  it("gives what a plain list would give, whatever is set, moved, forgotten and taken", () => {
    const change = fc.record({
      key: fc.nat(12),
      at: fc.option(fc.nat(100), { nil: undefined }),
      take: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 120 }), (changes) => {
        const agenda = new Agenda<number>();
        const atByKey = new Map<number, number>();
        for (const { key, at, take } of changes) {
          agenda.set(key, at === undefined ? undefined : instant(at));
          if (at === undefined) atByKey.delete(key);
          else atByKey.set(key, at);
          const earliest = Math.min(...atByKey.values());
          assert.equal(agenda.next() ?? Number.POSITIVE_INFINITY, earliest);
          if (!take) continue;
          const taken = agenda.take(instant(50));
          assert.equal(taken !== undefined, earliest <= 50);
          if (taken === undefined) continue;
          assert.equal(atByKey.get(taken), earliest);
          atByKey.delete(taken);
        }
      }),
    );
  });
});
