import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { instant } from "#base/time";
import { createLeaseWatch } from "./lease.ts";

const bench = () => {
  let until = instant(0);
  const told: string[] = [];
  const look = createLeaseWatch({
    vouchedUntil: () => until,
    onLost: (now) => told.push(`lost ${now}`),
    onFound: (now) => told.push(`found ${now}`),
  });
  return {
    look: (at: number) => look(instant(at)),
    vouch: (end: number) => {
      until = instant(end);
    },
    told,
  };
};

describe("the dead-man lease", () => {
  it("is lost at the second look after it ran out, and said once", () => {
    const { look, vouch, told } = bench();
    vouch(100);
    assert.equal(look(100), true);
    assert.equal(look(101), true);
    assert.equal(look(102), false);
    assert.equal(look(103), false);
    assert.deepEqual(told, ["lost 102"]);
  });

  it("forgives a process that was frozen as a whole and speaks up at once", () => {
    const { look, vouch, told } = bench();
    vouch(100);
    look(90);
    assert.equal(look(5_000), true);
    vouch(8_000);
    assert.equal(look(5_200), true);
    assert.deepEqual(told, []);
  });

  it("is found again, and can be lost again", () => {
    const { look, vouch, told } = bench();
    look(1);
    look(2);
    vouch(10);
    assert.equal(look(3), true);
    look(11);
    look(12);
    assert.deepEqual(told, ["lost 2", "found 3", "lost 12"]);
  });
});
