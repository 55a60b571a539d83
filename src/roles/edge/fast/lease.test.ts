import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { instant, micros, seconds } from "#base/time";
import { createLeaseWatch } from "./lease.ts";

const bench = () => {
  let until = instant(0);
  let waited = micros(0);
  const told: string[] = [];
  const look = createLeaseWatch({
    vouchedUntil: () => until,
    waited: () => waited,
    onLost: (now) => told.push(`lost ${now}`),
    onFound: (now) => told.push(`found ${now}`),
  });
  return {
    look: (at: number) => look(instant(at)),
    vouch: (end: number) => {
      until = instant(end);
    },
    wait: (duration: number) => {
      waited = micros(waited + duration);
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

  it("lasts longer by what the main thread waits for a processor since it last vouched", () => {
    const { look, vouch, wait, told } = bench();
    wait(1_000);
    vouch(100);
    look(50);
    wait(500);
    assert.deepEqual([look(600), look(600), told], [true, true, []]);
    look(601);
    assert.equal(look(602), false);
    vouch(2_000);
    look(700);
    look(2_001);
    assert.equal(look(2_002), false, "what it waited before it vouched again counts no more");
  });

  it("is lost by one that waits for a processor for ever", () => {
    const { look, vouch, wait } = bench();
    vouch(100);
    look(50);
    wait(seconds(60));
    assert.equal(look(100 + seconds(10)), true);
    look(101 + seconds(10));
    assert.equal(look(102 + seconds(10)), false);
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
