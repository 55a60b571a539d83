import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { instant } from "#base/time";
import { DueQueue, type Member } from "./due-queue.ts";

it("gives whoever is due first, whatever was set, moved and taken out", () => {
  const change = fc.tuple(fc.nat(19), fc.option(fc.nat(50), { nil: undefined }));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
      const members: Member[] = Array.from({ length: 20 }, () => ({ dueAt: undefined, place: 0 }));
      const queue = new DueQueue<Member>();
      for (const [index, at] of changes) {
        const member = members[index];
        assert.ok(member);
        queue.set(member, at === undefined ? undefined : instant(at));
        const times = members.flatMap(({ dueAt }) => (dueAt === undefined ? [] : [dueAt]));
        assert.equal(queue.first()?.dueAt, times.length === 0 ? undefined : Math.min(...times));
      }
    }),
  );
});
