import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { MinimumSet } from "./minimum-set.ts";

const change = fc.record({ add: fc.boolean(), member: fc.bigInt({ min: 0n, max: 20n }) });

describe("a set that knows its smallest member", () => {
  it("agrees with a sorted list after any changes", () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
        const set = new MinimumSet<bigint>();
        const model = new Set<bigint>();
        for (const { add, member } of changes) {
          if (add) {
            set.add(member);
            model.add(member);
          } else {
            set.delete(member);
            model.delete(member);
          }
          const [smallest] = [...model].sort((left, right) => (left < right ? -1 : 1));
          assert.equal(set.first(), smallest);
          assert.equal(set.size, model.size);
        }
      }),
    );
  });

  it("agrees when the smallest is asked for only now and then", () => {
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 300 }), (changes) => {
        const set = new MinimumSet<bigint>();
        const model = new Set<bigint>();
        for (const { add, member } of changes) {
          set[add ? "add" : "delete"](member);
          model[add ? "add" : "delete"](member);
        }
        const [smallest] = [...model].sort((left, right) => (left < right ? -1 : 1));
        assert.equal(set.first(), smallest);
      }),
    );
  });

  it("does not grow when one member comes and goes for ever", () => {
    const effort = { steps: 0 };
    const set = new MinimumSet<bigint>(effort);
    set.add(0n);
    for (let round = 0; round < 10_000; round += 1) {
      set.add(7n);
      set.delete(7n);
    }
    const before = effort.steps;
    set.delete(0n);
    assert.equal(set.first(), undefined);
    assert.ok(effort.steps - before <= 2, `${effort.steps - before} steps`);
  });
});
