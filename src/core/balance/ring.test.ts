import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { buildRing, type Ring, type RingMember } from "./ring.ts";

const member = (name: string, weight = 1, available = true): RingMember => ({ name, weight, available });
const nodes = (count: number): readonly RingMember[] =>
  Array.from({ length: count }, (_, index) => member(`node-${index}`));
const without = (members: readonly RingMember[], ...names: readonly string[]): readonly RingMember[] =>
  members.map((each) => (names.includes(each.name) ? { ...each, available: false } : each));
const sizeOf = (ring: Ring, name: string): number => ring.filter((owner) => owner === name).length;
/** One digit a slot. */
const spell = (ring: Ring): string => ring.map((owner) => owner?.slice(-1) ?? "-").join("");

/** Up to 12 members with mixed weights, some of them unavailable. */
const someMembers = fc
  .uniqueArray(fc.stringMatching(/^[a-z]{1,8}$/), { minLength: 1, maxLength: 12 })
  .chain((names) =>
    fc.tuple(
      ...names.map((name) =>
        fc.record({
          name: fc.constant(name),
          weight: fc.integer({ min: 0, max: 10 }),
          available: fc.boolean(),
        }),
      ),
    ),
  );

describe("the consistent-hash ring", () => {
  it("never changes: edges of different versions must build the same", () => {
    const three = ["w1", "w2", "w3"];
    assert.equal(
      spell(
        buildRing(
          three.map((name) => member(name)),
          31,
        ),
      ),
      "3113231212211133312223131232132",
    );
    assert.equal(
      spell(
        buildRing(
          three.map((name, index) => member(name, index + 1)),
          31,
        ),
      ),
      "3313232212313123333322123333232",
    );
    assert.equal(
      spell(
        buildRing(
          without(
            three.map((name) => member(name)),
            "w2",
          ),
          31,
        ),
      ),
      "3113331111311133313313131131131",
    );
  });

  it("does not depend on the order of the members", () => {
    fc.assert(
      fc.property(
        someMembers.chain((members) =>
          fc.tuple(fc.constant(members), fc.shuffledSubarray(members, { minLength: members.length })),
        ),
        ([members, shuffled]) => assert.deepEqual(buildRing(members, 101), buildRing(shuffled, 101)),
      ),
      { numRuns: 50 },
    );
  });

  it("shares slots evenly, to one slot (Maglev §3.4)", () => {
    for (const count of [1, 2, 3, 7, 10, 50]) {
      const ring = buildRing(nodes(count), 1021);
      for (const { name } of nodes(count)) {
        assert.ok(Math.abs(sizeOf(ring, name) - 1021 / count) <= 1, `${count} ${name} ${sizeOf(ring, name)}`);
      }
    }
  });

  it("shares slots in proportion to the weights", () => {
    const ring = buildRing([member("a", 5), member("b", 2), member("c", 1)], 1021);
    for (const [name, weight] of [
      ["a", 5],
      ["b", 2],
      ["c", 1],
    ] as const) {
      assert.ok(Math.abs(sizeOf(ring, name) - (1021 * weight) / 8) < 10, `${name} ${sizeOf(ring, name)}`);
    }
  });

  it("moves no slot of the others when a member becomes unavailable, whatever failed before", () => {
    fc.assert(
      fc.property(someMembers, fc.nat(11), (members, pick) => {
        const victim = members[pick % members.length];
        if (victim === undefined) return;
        const before = buildRing(members, 101);
        const gone = buildRing(without(members, victim.name), 101);
        for (const [slot, owner] of before.entries()) {
          if (owner !== victim.name) assert.equal(gone[slot], owner, `slot ${slot}`);
          else assert.notEqual(gone[slot], victim.name);
        }
      }),
      { numRuns: 100 },
    );
  });

  it("gives the lost slots to all who are left, in proportion to their weights", () => {
    const members = [member("gone", 1, false), member("a", 3), member("b", 1)];
    const [all, left] = [
      buildRing(
        members.map((each) => ({ ...each, available: true })),
        4093,
      ),
      buildRing(members, 4093),
    ];
    const taken = all.flatMap((owner, slot) => (owner === "gone" ? [left[slot]] : []));
    const share = taken.filter((owner) => owner === "a").length / taken.length;
    assert.ok(share > 0.7 && share < 0.8, `${share}`);
  });

  it("moves about 1/(N+1) of the slots when a member is added, few of them between the others", () => {
    for (const count of [1, 2, 3, 5, 10, 20]) {
      const [before, after] = [buildRing(nodes(count), 1021), buildRing(nodes(count + 1), 1021)];
      const moved = before.filter((owner, slot) => owner !== after[slot]).length / 1021;
      const astray =
        before.filter((owner, slot) => owner !== after[slot] && after[slot] !== `node-${count}`).length /
        1021;
      assert.ok(moved >= 1 / (count + 1) - 0.01 && astray <= 0.03, JSON.stringify({ count, moved, astray }));
    }
  });

  it("lets a member be drained by weight 0 like one that failed, when weights are equal", () => {
    const members = nodes(5);
    const drained = members.map((each) => (each.name === "node-2" ? { ...each, weight: 0 } : each));
    assert.deepEqual(buildRing(drained, 1021), buildRing(without(members, "node-2"), 1021));
  });

  it("belongs to nobody when nobody is available", () => {
    const nobody = new Array<undefined>(31).fill(undefined);
    assert.deepEqual(buildRing([], 31), nobody);
    assert.deepEqual(buildRing(without(nodes(2), "node-0", "node-1"), 31), nobody);
    assert.deepEqual(buildRing([member("a", 0), member("b", 0)], 31), nobody);
  });

  it("refuses a size that is not prime, with which a walk could miss slots", () => {
    assert.throws(() => buildRing(nodes(2), 1024), /prime/);
  });
});
