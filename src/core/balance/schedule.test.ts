import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { buildCycle, type CycleMember, cycleLength } from "./schedule.ts";

const member = (name: string, weight = 1, available = true): CycleMember => ({ name, weight, available });
const some = fc
  .array(fc.record({ weight: fc.integer({ min: 0, max: 256 }), available: fc.boolean() }), { maxLength: 10 })
  .map((list) => list.map((each, index) => ({ ...each, name: `w${index}` })));

describe("the cycle of round robin", () => {
  it("interleaves weights smoothly", () => {
    const cycle = buildCycle([member("a", 5), member("b", 1), member("c", 1)], 7);
    assert.equal(cycle.join(""), "aabacaa");
    assert.equal(buildCycle([member("a"), member("b"), member("c")], 6).join(""), "abcabc");
  });

  it("gives every member exactly its weight's share while all are available", () => {
    fc.assert(
      fc.property(some, (members) => {
        const weights = members.map(({ weight }) => weight);
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        fc.pre(total > 0);
        const length = cycleLength(members);
        fc.pre(length < 4096);
        const cycle = buildCycle(
          members.map((each) => ({ ...each, available: true })),
          length,
        );
        for (const { name, weight } of members) {
          assert.equal(cycle.filter((owner) => owner === name).length * total, weight * length, name);
        }
      }),
    );
  });

  it("has a length that health does not change, so that a health change is a change of elements", () => {
    fc.assert(
      fc.property(some, (members) =>
        assert.equal(
          cycleLength(members),
          cycleLength(members.map((each) => ({ ...each, available: false }))),
        ),
      ),
    );
  });

  it("leaves no entry to a member that takes no new flows, and none empty while one does", () => {
    fc.assert(
      fc.property(some, (members) => {
        const takers = new Set(
          members.filter(({ weight, available }) => available && weight > 0).map(({ name }) => name),
        );
        const cycle = buildCycle(members, cycleLength(members));
        return cycle.every((owner) => (owner === undefined ? takers.size === 0 : takers.has(owner)));
      }),
    );
  });

  it("does not depend on the order of the members", () => {
    const members = [member("a", 2), member("b", 2), member("c", 1)];
    assert.deepEqual(buildCycle([...members].reverse(), 240), buildCycle(members, 240));
  });

  it("is empty without members", () => assert.equal(cycleLength([]), 0));
});
