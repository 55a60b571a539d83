import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { micros, millis, seconds } from "#base/time";
import { DEFAULT_OWNERSHIP, type OwnershipConfig, ownershipProblems } from "./config.ts";
import { boundsOf, LATENESS } from "./timing.ts";

describe("the times that are promised", () => {
  const { detection, fence, takeOver, margin } = boundsOf(DEFAULT_OWNERSHIP);

  it("find a dead peer within a detection time, and not before a packet less than that has passed", () =>
    assert.deepEqual(detection, { earliest: millis(200), latest: millis(270) }));

  it("have a node that is cut off withdrawn before others take over, with time for a packet that was lost before", () => {
    assert.equal(fence.latest, millis(270));
    assert.equal(takeOver.earliest, millis(330));
    assert.ok(margin > DEFAULT_OWNERSHIP.bfdInterval);
  });

  it("cost a client less than 400 ms in the median and less than 500 ms at worst", () => {
    assert.ok(takeOver.median < millis(400) - LATENESS);
    assert.equal(takeOver.latest, millis(420));
  });

  it("count the question to the gateway when it is what lasts longest", () => {
    const { fence: late } = boundsOf({ ...DEFAULT_OWNERSHIP, gatewayPatience: millis(200) });
    assert.equal(late.latest, millis(370));
  });

  it("know how old the last packet of a dead sender is, with gaps of 3/4 to a whole interval", () => {
    let [squares, sum] = [0, 0];
    for (let step = 0; step < 10_000; step += 1) {
      const gap = 0.75 + (step + 0.5) / 40_000;
      squares += gap * gap;
      sum += gap;
    }
    const age = (squares / (2 * sum)) * DEFAULT_OWNERSHIP.bfdInterval;
    const expected = millis(250 + 130) - age;
    assert.ok(Math.abs(takeOver.median - expected) < 10, `${takeOver.median} and ${expected}`);
  });
});

describe("the problems of a configuration", () => {
  const problems = (changes: Partial<OwnershipConfig>) =>
    ownershipProblems({ ...DEFAULT_OWNERSHIP, ...changes });

  it("are none by default", () => assert.deepEqual(problems({}), []));

  it("name a hold-off that does not outlast a node that is cut off, and by how much", () =>
    assert.deepEqual(problems({ holdOff: millis(40) }), [
      "a node that is cut off withdraws after 270ms, but others may take over after 240ms: holdOff must be 30ms longer",
    ]));

  it("allow a hold-off that just does", () => assert.deepEqual(problems({ holdOff: millis(70) }), []));

  const rows: readonly (readonly [Partial<OwnershipConfig>, RegExp])[] = [
    [{ settle: micros(-1) }, /^settle -1us is not in 5ms\.\.1h$/],
    [{ settle: seconds(7_200) }, /^settle 2h is not in/],
    [{ bfdMultiplier: 1.5 }, /^bfdMultiplier 1\.5 is not/],
    [{ asks: 0 }, /^asks 0 is not/],
    [{ flapping: { takes: 1, within: seconds(1) } }, /^flapping\.takes 1 is not/],
    [{ restraint: { first: seconds(2), longest: seconds(1) } }, /^restraint\.longest is shorter/],
    [{ gatewayTimeout: millis(100) }, /^gatewayTimeout must be longer/],
  ];
  for (const [changes, message] of rows) {
    it(`are seen in ${JSON.stringify(changes)}`, () => {
      const found = problems(changes);
      assert.equal(found.length, 1, found.join("; "));
      assert.match(found[0] ?? "", message);
    });
  }
});
