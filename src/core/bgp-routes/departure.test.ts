import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, micros, seconds } from "#base/time";
import { METALLB_GRADING } from "#core/node/grading";
import { keyOf, testNode, testService, testSlice } from "#testing/cluster";
import { address } from "#testing/values";
import { DEFAULT_RULES } from "./rules.ts";
import { advertisement, SELF, START, testBed } from "./test-bed.ts";
import { explanationLines } from "./words.ts";

const web = testService("web", ["192.0.2.1"]);
const ads = [advertisement("all", { localPref: 200, communities: ["64500:1"], peers: ["a"] })];
const REGULAR = ["192.0.2.1/32 a (localPref 200, community 64500:1)"];
const LAST = ["192.0.2.1/32 a (localPref 0, MED 4294967295, communities 64500:1 65535:0)"];

const bedWith = (rules = DEFAULT_RULES) => testBed({ ads, services: [web], rules });

describe("a node that is cordoned", () => {
  it("announces as the last resort for as long as it is: GRACEFUL_SHUTDOWN, local preference 0, the worst MED (RFC 8326)", () => {
    const bed = bedWith();
    assert.deepEqual(bed.settled(), REGULAR);
    bed.routes.setNode(testNode(SELF, { scheduling: "cordoned" }));
    assert.deepEqual(bed.settled(), LAST);
    assert.equal(bed.routes.deadline, undefined);
    assert.deepEqual(bed.settled(after(START, seconds(100_000))), LAST);
    const explanation = bed.routes.explain(address("192.0.2.1"));
    assert.ok(explanation !== undefined);
    assert.ok(
      explanationLines(explanation).includes("This node is cordoned, and announces as the last resort."),
    );
    bed.routes.setNode(testNode(SELF));
    assert.deepEqual(bed.settled(after(START, seconds(100_001))), REGULAR);
  });

  it("makes no difference by MetalLB's rules", () => {
    const bed = bedWith({ ...DEFAULT_RULES, grading: METALLB_GRADING });
    bed.routes.setNode(testNode(SELF, { scheduling: "cordoned", life: "ending" }));
    assert.deepEqual(bed.settled(), REGULAR);
  });

  it("says the community once, where an advertisement has it as well", () => {
    const both = [advertisement("all", { communities: ["65535:0"], peers: ["a"] })];
    const bed = testBed({ ads: both, services: [web], node: testNode(SELF, { scheduling: "cordoned" }) });
    assert.deepEqual(bed.settled(), ["192.0.2.1/32 a (localPref 0, MED 4294967295, community 65535:0)"]);
  });
});

describe("a node that must go", () => {
  it("announces as the last resort for the drain time, and then nothing", () => {
    const bed = bedWith();
    bed.settle();
    bed.routes.setNode(testNode(SELF, { life: "ending" }));
    assert.deepEqual(bed.settled(), LAST);
    const end = after(START, DEFAULT_RULES.drainTime);
    assert.equal(bed.routes.deadline, end);
    assert.deepEqual(bed.settled(after(end, micros(-1))), LAST);
    assert.deepEqual(bed.settled(end), []);
    assert.equal(bed.routes.silence(keyOf("web")), "nodeLeaving");
    assert.equal(bed.routes.deadline, undefined);
    assert.deepEqual(bed.settled(after(end, seconds(1_000))), []);
  });

  it("counts from when it was known first, whatever else happens", () => {
    const bed = bedWith();
    bed.routes.setNode(testNode(SELF, { life: "ending" }));
    bed.settle();
    const half = after(START, micros(DEFAULT_RULES.drainTime / 2));
    bed.routes.setNode(testNode(SELF, { life: "ending", scheduling: "cordoned" }));
    bed.settle(half);
    assert.equal(bed.routes.deadline, after(START, DEFAULT_RULES.drainTime));
  });

  it("announces as before when it stays after all, during the drain and after it", () => {
    for (const wait of [seconds(1), seconds(60)]) {
      const bed = bedWith();
      bed.routes.setNode(testNode(SELF, { life: "ending" }));
      bed.settle();
      bed.settle(after(START, wait));
      bed.routes.setNode(testNode(SELF));
      assert.deepEqual(bed.settled(after(START, wait)), REGULAR);
    }
  });

  it("withdraws at once where somebody says that the machine is off, and does not come back in order to drain", () => {
    const bed = bedWith();
    bed.settle();
    const taints = [{ key: "node.kubernetes.io/out-of-service", effect: "NoExecute" }] as const;
    bed.routes.setNode(testNode(SELF, { taints }));
    assert.deepEqual(bed.settled(), []);
    bed.routes.setNode(testNode(SELF, { life: "ending" }));
    assert.deepEqual(bed.settled(), []);
    bed.routes.setNode(testNode(SELF));
    assert.deepEqual(bed.settled(), REGULAR);
  });

  it("drains likewise when the speaker is told to end, on a node that is well", () => {
    const bed = bedWith();
    bed.settle();
    bed.routes.plan("leave");
    assert.deepEqual(bed.settled(), LAST);
    assert.equal(bed.routes.stance, "last-resort");
    const explanation = bed.routes.explain(address("192.0.2.1"));
    assert.ok(explanation !== undefined);
    assert.ok(
      explanationLines(explanation).includes("This node is to end, and announces as the last resort."),
    );
    assert.deepEqual(bed.settled(after(START, DEFAULT_RULES.drainTime)), []);
    assert.equal(bed.routes.stance, "gone");
    bed.routes.plan("stay");
    assert.deepEqual(bed.settled(after(START, DEFAULT_RULES.drainTime)), REGULAR);
  });
});

describe("the link bandwidth", () => {
  const rules = { ...DEFAULT_RULES, linkBandwidth: { perEndpoint: 1000 } };
  const only = [advertisement("all", { peers: ["a"], aggregationLength: 28 })];
  const local = (name: string, ip: string) => testService(name, [ip], { externalTrafficPolicy: "Local" });
  const here = (ready: number, leaving = 0) => [{ node: SELF, ready, leaving, silent: 9 }, "node-b"];

  it("is not told unless it is asked for, and only of Services with externalTrafficPolicy Local", () => {
    assert.deepEqual(testBed({ ads: only, services: [local("web", "192.0.2.1")] }).settled(), [
      "192.0.2.0/28 a",
    ]);
    assert.deepEqual(testBed({ ads: only, services: [web], rules }).settled(), ["192.0.2.0/28 a"]);
  });

  it("follows the endpoints on this node: ready ones, or if there is none, those that still serve", () => {
    const bed = testBed({ ads: only, services: [local("web", "192.0.2.1")], rules });
    for (const [ready, leaving, bandwidth] of [
      [1, 0, 1000],
      [3, 2, 3000],
      [0, 2, 2000],
    ] as const) {
      bed.routes.setSlice(testSlice("web", here(ready, leaving)));
      assert.deepEqual(bed.settled(), [`192.0.2.0/28 a (link bandwidth ${bandwidth} bytes/s)`]);
    }
    bed.routes.setSlice(testSlice("web", here(0)));
    assert.deepEqual(bed.settled(), []);
  });

  it("counts a dual-stack pod once, and all slices of a family", () => {
    const bed = testBed({ ads: only, services: [local("web", "192.0.2.1")], rules });
    bed.routes.setSlice(testSlice("web", here(2)));
    bed.routes.setSlice({ ...testSlice("web", here(2), "six"), addressType: "IPv6" });
    assert.deepEqual(bed.settled(), ["192.0.2.0/28 a (link bandwidth 2000 bytes/s)"]);
    bed.routes.setSlice(testSlice("web", here(1), "2"));
    assert.deepEqual(bed.settled(), ["192.0.2.0/28 a (link bandwidth 3000 bytes/s)"]);
  });

  it("adds up over the Services of a prefix, and is not told if one of them is Cluster", () => {
    const bed = testBed({
      ads: only,
      services: [local("web", "192.0.2.1"), local("two", "192.0.2.2")],
      rules,
    });
    assert.deepEqual(bed.settled(), ["192.0.2.0/28 a (link bandwidth 2000 bytes/s)"]);
    bed.routes.setService(testService("three", ["192.0.2.3"]));
    bed.routes.setSlice(testSlice("three", ["node-b"]));
    assert.deepEqual(bed.settled(), ["192.0.2.0/28 a"]);
    bed.routes.setService(local("two", "192.0.2.2"));
    bed.routes.removeService(keyOf("three"));
    assert.deepEqual(bed.settled(), ["192.0.2.0/28 a (link bandwidth 2000 bytes/s)"]);
    bed.routes.follow(DEFAULT_RULES);
    assert.deepEqual(bed.settled(), ["192.0.2.0/28 a"]);
    bed.routes.follow(rules);
    assert.deepEqual(bed.settled(), ["192.0.2.0/28 a (link bandwidth 2000 bytes/s)"]);
  });
});
