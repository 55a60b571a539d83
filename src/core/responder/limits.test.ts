import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { macBytes } from "#base/mac";
import { instant, millis, seconds } from "#base/time";
import { asks, claims, held, macOf, Node, nodeLink } from "#testing/responder";
import { address } from "#testing/values";
import { QuestionLimits, TokenBucket } from "./limits.ts";

const START = instant(5_000_000);

describe("a token bucket", () => {
  it("gives half a second's worth at once and then the rate, and says when more will be there", () => {
    const bucket = new TokenBucket(100);
    const takeAll = (now: typeof START): number => {
      let count = 0;
      while (bucket.take(now)) count += 1;
      return count;
    };
    assert.equal(takeAll(START), 50);
    assert.equal(bucket.readyAt(1, START), instant(START + 10_000));
    assert.equal(takeAll(instant(START + 9_999)), 0);
    assert.equal(takeAll(instant(START + 10_000)), 1);
    assert.equal(takeAll(instant(START + 1_010_000)), 50);
  });

  it("never gives more than its rate and what is saved, whatever the times, also when they go back", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -50_000, max: 100_000 }), { maxLength: 200 }), (steps) => {
        const bucket = new TokenBucket(1_000, 20);
        let now = START;
        let elapsed = 0;
        let taken = 0;
        for (const step of steps) {
          now = instant(Math.max(0, now + step));
          elapsed += Math.max(0, step);
          while (bucket.take(now)) taken += 1;
        }
        assert.ok(taken <= 20 + elapsed / 1_000 + START / 1_000);
      }),
    );
  });
});

describe("questions", () => {
  const source = (index: number): Uint8Array =>
    Uint8Array.of(2, 0, index >>> 24, (index >>> 16) & 255, (index >>> 8) & 255, index & 255);

  it("of one source leave room for those of others", () => {
    const limits = new QuestionLimits({ total: 1_000, perSource: 100 });
    let admitted = 0;
    for (let count = 0; count < 10_000; count += 1) {
      if (limits.admit(source(1), START) === "admitted") admitted += 1;
    }
    assert.equal(admitted, 50);
    assert.equal(limits.admit(source(2), START), "admitted");
  });

  it("of ever new sources are bounded in all, and take no more memory than a fixed number of them", () => {
    const limits = new QuestionLimits({ total: 1_000, perSource: 100 });
    const before = process.memoryUsage().heapUsed;
    const outcomes = Map.groupBy(
      Array.from({ length: 200_000 }, (_, index) => limits.admit(source(index * 7_919), START)),
      (outcome) => outcome,
    );
    assert.equal(outcomes.get("admitted")?.length, 500);
    assert.ok(process.memoryUsage().heapUsed - before < 20_000_000);
  });
});

describe("a flood", () => {
  const VIP = address("192.0.2.100");
  const HOST = address("192.0.2.7");
  const node = (): Node => {
    const made = new Node({ questionsPerSecond: { total: 100, perSource: 20 } })
      .links(nodeLink(2))
      .assign(held(VIP));
    made.pass(seconds(20)).take();
    return made;
  };

  it("of questions from one host does not keep another one waiting", () => {
    const flooded = node();
    for (let count = 0; count < 1_000; count += 1) flooded.hear(2, asks(VIP, 0x66, HOST));
    assert.equal(flooded.take().length, 10);
    assert.equal(flooded.hear(2, asks(VIP, 0x77, HOST)).take().length, 1);
    assert.equal(flooded.responder.counters().heard.get("source-limit"), 990);
  });

  it("of questions does not hide a claim", () => {
    const flooded = node();
    for (let count = 0; count < 1_000; count += 1) {
      flooded.hear(2, { ...asks(VIP, 0x66, HOST), from: macBytes(macOf(count % 250)) });
    }
    flooded.told();
    flooded.hear(2, claims(VIP, 0x99));
    assert.equal(flooded.told().length, 1);
    assert.ok((flooded.responder.counters().heard.get("total-limit") ?? 0) > 0);
  });

  it("of claims is read in part, told of in part, and fought once in ten seconds", () => {
    const flooded = node();
    for (let count = 0; count < 5_000; count += 1) {
      flooded.hear(2, claims(VIP, count % 2 === 0 ? 0x66 : 0x99)).pass(millis(1));
    }
    const causes = flooded.takeSent().map(({ send }) => send.cause);
    assert.ok(causes.every((cause) => cause === "other-speaker"));
    assert.ok(causes.length <= 6, String(causes.length));
  });
});
