import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { IpAddress } from "#base/address";
import { after, type Duration, type Instant, instant, micros, millis, seconds } from "#base/time";
import type { Standing } from "#core/liveness/standing";
import { shown, UP } from "#testing/ownership";
import { macOf } from "#testing/speaker-link";
import { address } from "#testing/values";
import { DEFAULT_OWNERSHIP } from "./config.ts";
import type { Input, Placement } from "./input.ts";
import { Ownership } from "./ownership.ts";
import { detectionTime } from "./timing.ts";

const T0 = instant(500_000_000);
const at = (duration: Duration): Instant => after(T0, duration);
const SELF = "node-1";
const ONE = address("192.0.2.1");
const TWO = address("192.0.2.2");
const SILENCE = detectionTime(DEFAULT_OWNERSHIP);
const many = (count: number): readonly IpAddress[] =>
  Array.from({ length: count }, (_, index) => address(`10.0.${index >> 8}.${index & 255}`));

const standings = (changes: Readonly<Record<string, Standing>>, up: number, missing = 0): Input => ({
  type: "standings",
  changes: Object.entries(changes).map(([node, standing]) => ({ node, standing })),
  sessions: { up, missing, leaving: 0 },
});
const deadAt = (since: Instant): Standing => ({ name: "dead", since, cause: "silent" });
const DEAF: Standing = { name: "alive", hearsUs: "no" };
const heard = (node: string, which = ONE): Input => ({ type: "heard", address: which, mac: macOf(node) });

/** A node whose effects are read as text, and whose timers run in between. */
class Node {
  readonly ownership = new Ownership(SELF, DEFAULT_OWNERSHIP, T0);
  said: string[] = [];

  /** Gives an input after everything that was due before it; gives what was said since the last input. */
  give(input: Input, now: Instant): readonly string[] {
    this.said = [];
    for (
      let due = this.ownership.deadline();
      due !== undefined && due < now;
      due = this.ownership.deadline()
    ) {
      this.#step({ type: "timer" }, due);
      const next = this.ownership.deadline();
      assert.ok(next === undefined || next > due, "a deadline that has passed does not stay");
    }
    this.#step(input, now);
    return this.said;
  }

  /** Gives an input without anything before it, as after a time in which the process stood still. */
  wake(input: Input, now: Instant): readonly string[] {
    this.said = [];
    this.#step(input, now);
    return this.said;
  }

  #step(input: Input, now: Instant): void {
    this.said.push(...shown(this.ownership.step(input, now)));
  }
}

/** A node that hears node-0 and node-2 and knows some placements, which it can carry; at T0. */
const nodeWith = (placements: readonly Placement[]): Node => {
  const node = new Node();
  const members = ["node-0", "node-2"].map((name) => ({ name, macs: [macOf(name)] }));
  node.give({ type: "members", members }, T0);
  node.give({ type: "gateway", isKnown: false }, T0);
  node.give(standings({ "node-0": UP, "node-2": UP }, 2), T0);
  node.give({ type: "placements", changed: placements, removed: [] }, T0);
  const changes = placements.map((each) => ({ address: each.address, isFit: true }));
  node.give({ type: "fitness", changes }, T0);
  return node;
};

/** The same, a second later: it holds what it is the first candidate of. */
const holding = (): Node => {
  const node = nodeWith([{ address: ONE, candidates: [SELF, "node-0", "node-2"] }]);
  for (let time = 0; time <= 1_000; time += 40) {
    node.give({ type: "timer" }, at(millis(time)));
    node.ownership.peerHeard(at(millis(time)));
  }
  assert.ok(node.ownership.mayAnswer(ONE, at(seconds(1))));
  return node;
};

describe("all addresses of a node", () => {
  it("are asked for and taken where it is the first candidate, and left alone elsewhere", () => {
    const node = nodeWith([
      { address: ONE, candidates: [SELF, "node-0"] },
      { address: TWO, candidates: ["node-0", SELF] },
    ]);
    const asked = after(T0, micros(SILENCE + 1));
    node.give({ type: "timer" }, asked);
    assert.deepEqual(
      [node.ownership.mayAnswer(ONE, asked), node.ownership.mayAnswer(TWO, asked)],
      [true, false],
    );
  });

  it("are not answered for any more as soon as the process stood still for a detection time, before it does anything", () => {
    const node = holding();
    const last = at(seconds(1));
    assert.ok(node.ownership.mayAnswer(ONE, after(last, SILENCE)));
    assert.ok(!node.ownership.mayAnswer(ONE, after(last, micros(SILENCE + 1))));
  });

  it("are answered for while it works for long and says so in time, and not once it has stood still", () => {
    const busy = holding();
    const begun = at(seconds(1));
    for (let worked = 0; worked <= 2 * SILENCE; worked += SILENCE / 2)
      busy.ownership.keepsRunning(after(begun, micros(worked)));
    const later = after(begun, micros(2.5 * SILENCE));
    assert.ok(busy.ownership.mayAnswer(ONE, later));
    // What was asked for in the meantime is given with the time at which it came.
    assert.ok(!busy.wake({ type: "timer" }, after(begun, SILENCE)).includes("silence"));
    assert.ok(busy.ownership.mayAnswer(ONE, later));
    const still = holding();
    still.ownership.keepsRunning(after(begun, micros(SILENCE + 1)));
    assert.ok(!still.ownership.mayAnswer(ONE, after(begun, micros(SILENCE + 1))));
  });

  it("are given up first when it wakes up, and claimed only after it has asked", () => {
    const node = holding();
    const woken = at(seconds(61));
    const said = node.wake(heard("node-0"), woken);
    assert.deepEqual(said.slice(0, 2), ["silence", "holding -> standby: frozen"]);
    assert.ok(!said.includes("answer"));
    assert.equal(node.ownership.entry(ONE)?.memory.holder, "node-0");
  });

  it("count a packet from when it came, and none that came before another", () => {
    const node = holding();
    const last = node.ownership.company.heardAt;
    node.ownership.peerHeard(at(millis(900)));
    assert.equal(node.ownership.company.heardAt, last);
    node.ownership.peerHeard(at(millis(1_010)));
    assert.equal(node.ownership.company.heardAt, at(millis(1_010)));
  });

  it("are claimed anew after it woke up, if nobody else answers", () => {
    const node = holding();
    const woken = at(seconds(61));
    assert.deepEqual(node.wake({ type: "timer" }, woken).slice(0, 2), [
      "silence",
      "holding -> standby: frozen",
    ]);
    node.ownership.peerHeard(woken);
    node.give(standings({}, 2), woken);
    const said = node.give({ type: "timer" }, at(seconds(61.4)));
    const claim = ["standby -> claiming: unheld", "ask all", "ask all", "answer", "announce takeover"];
    assert.deepEqual(
      said.filter((line) => line !== "company alone"),
      [...claim, "claiming -> holding: unheld"],
    );
  });

  it("need a proof that the process runs while any is held", () => {
    const node = holding();
    const due = node.ownership.deadline();
    assert.ok(due !== undefined && due <= at(micros(seconds(1) + SILENCE / 2)));
  });

  it("are silenced before anybody is told that the node is cut off", () => {
    const node = holding();
    node.give({ type: "gateway", isKnown: true }, at(seconds(1)));
    const said = node.give(standings({}, 0, 2), at(seconds(1)));
    assert.deepEqual(said, ["ask-gateway", "company doubtful"]);
    const later = node.give({ type: "timer" }, at(seconds(1.07)));
    const order = ["silence", "company isolated"].map((line) => later.indexOf(line));
    assert.ok(order[0] !== -1 && (order[0] ?? 0) < (order[1] ?? 0), later.join(", "));
  });

  it("are handed over when it leaves, which it says first, and then it has left", () => {
    const node = holding();
    assert.deepEqual(node.give({ type: "leave" }, at(seconds(1))), [
      "say-leaving",
      "holding -> yielding: leaving (node-0)",
    ]);
    assert.ok(node.ownership.mayAnswer(ONE, at(seconds(1))));
    assert.deepEqual(node.give(heard("node-0"), at(seconds(1.01))), [
      "silence",
      "yielding -> standby: handed-over (node-0)",
      "left",
    ]);
    assert.deepEqual(node.give({ type: "leave" }, at(seconds(1.02))), []);
  });

  it("are kept through its peers' silence once it leaves, and it has left at once if it holds nothing", () => {
    const node = holding();
    node.give({ type: "leave" }, at(seconds(1)));
    node.give({ type: "timer" }, at(seconds(3)));
    assert.ok(node.ownership.mayAnswer(ONE, at(seconds(3))));
    const idle = nodeWith([{ address: TWO, candidates: ["node-0", SELF] }]);
    assert.deepEqual(idle.give({ type: "leave" }, at(millis(100))), ["say-leaving", "left"]);
  });

  it("are announced once more to a better candidate that returns, and to no other", () => {
    const node = holding();
    const changed = [{ address: ONE, candidates: ["node-2", SELF, "node-0"] }];
    node.give({ type: "placements", changed, removed: [] }, at(seconds(1)));
    for (const name of ["node-0", "node-2"])
      node.give(standings({ [name]: deadAt(at(seconds(1))) }, 1, 1), at(seconds(1)));
    assert.deepEqual(node.give(standings({ "node-0": UP }, 2), at(seconds(1.1))), []);
    assert.deepEqual(node.give(standings({ "node-2": UP }, 2), at(seconds(1.1))), ["announce peer-returned"]);
    assert.deepEqual(node.give(standings({ "node-2": UP }, 2), at(seconds(1.1))), []);
  });

  it("are asked for of a peer that lives and does not hear us, for it may take them", () => {
    const node = holding();
    assert.deepEqual(node.give(standings({ "node-2": DEAF }, 1, 1), at(seconds(1))), ["ask node-2"]);
  });

  it("are silenced and forgotten when they are removed, and unknown ones are no concern", () => {
    const node = holding();
    const removed: Input = { type: "placements", changed: [], removed: [ONE, TWO] };
    assert.deepEqual(node.give(removed, at(seconds(1))), ["silence", "holding -> standby: placement"]);
    assert.equal(node.ownership.entry(ONE), undefined);
    assert.deepEqual(node.give(heard("node-0"), at(seconds(1))), []);
    const fitness: Input = { type: "fitness", changes: [{ address: ONE, isFit: true }] };
    assert.deepEqual(node.give(fitness, at(seconds(1))), []);
  });

  it("do not move when nothing is new", () => {
    const node = holding();
    const again: Input = {
      type: "placements",
      changed: [{ address: ONE, candidates: [SELF, "node-0", "node-2"] }],
      removed: [],
    };
    assert.deepEqual(node.give(again, at(seconds(1))), []);
    assert.deepEqual(node.give(standings({}, 2), at(seconds(1))), []);
  });
});

describe("ten thousand addresses", () => {
  /** Candidates that count how often anybody looks at them. */
  const counted = (candidates: readonly string[], looks: { count: number }): readonly string[] =>
    new Proxy(candidates, {
      get: (target, key, receiver) => {
        if (key === Symbol.iterator || key === "indexOf" || key === "includes" || key === "some")
          looks.count += 1;
        return Reflect.get(target, key, receiver);
      },
    });

  it("cost a death only what the dead node's own do", () => {
    const looks = { count: 0 };
    const placements = many(10_000).map((each, index) => ({
      address: each,
      candidates: counted(index % 1_000 === 0 ? ["node-2", SELF] : ["node-0", SELF], looks),
    }));
    const node = nodeWith(placements);
    looks.count = 0;
    const said = node.give(standings({ "node-2": deadAt(at(seconds(1))) }, 1, 1), at(seconds(1)));
    assert.equal(said.filter((line) => line === "ask all").length, 10);
    assert.ok(looks.count < 100, `${looks.count} looks at candidates`);
    looks.count = 0;
    node.give(standings({ "node-2": UP }, 2), at(seconds(1.05)));
    node.give(heard("node-0", placements[1]?.address), at(seconds(1.05)));
    assert.ok(looks.count < 100, `${looks.count} looks at candidates`);
  });
});

describe("a thousand addresses of a node that dies", () => {
  it("are asked for and taken in parts, and none waits for a question about another one once it is due", () => {
    const addresses = many(1_000);
    const node = nodeWith(addresses.map((each) => ({ address: each, candidates: ["node-2", SELF] })));
    const died = at(seconds(1));
    node.give(standings({ "node-2": deadAt(died) }, 1, 1), died);
    const asks = node.wake({ type: "timer" }, after(died, millis(66)));
    assert.deepEqual(asks, new Array(256).fill("ask all"));
    assert.ok((node.ownership.deadline() ?? 0) <= after(died, millis(66)), "the rest is due still");
    // The second question took so long that it is too late for it.
    const due = after(died, DEFAULT_OWNERSHIP.holdOff);
    const held = (): number => addresses.filter((each) => node.ownership.mayAnswer(each, due)).length;
    for (const expected of [256, 512, 768, 1_000, 1_000]) {
      const said = node.wake({ type: "timer" }, due);
      assert.ok(!said.some((line) => line.startsWith("ask")), said.join());
      assert.equal(held(), expected);
    }
  });
});

describe("whatever happens", () => {
  const names = ["node-0", "node-2", "node-3"] as const;
  const anyStanding: fc.Arbitrary<Standing> = fc.oneof(
    fc
      .constantFrom("yes" as const, "no" as const, "unknown" as const)
      .map((hearsUs) => ({ name: "alive" as const, hearsUs })),
    fc.constant({ name: "leaving" as const, since: T0 }),
    fc
      .constantFrom("silent" as const, "vacated" as const, "never-heard" as const, "not-ready" as const)
      .map((cause) => ({ name: "dead" as const, since: T0, cause })),
  );
  const anyAddress = fc.constantFrom(ONE, TWO);
  const anyInput: fc.Arbitrary<Input> = fc.oneof(
    fc.constant<Input>({ type: "timer" }),
    fc.constantFrom<Input>({ type: "leave" }, { type: "stay" }, { type: "gateway-heard" }),
    fc.boolean().map((isKnown): Input => ({ type: "gateway", isKnown })),
    anyAddress.map((each): Input => ({ type: "unanswered", address: each })),
    fc
      .tuple(fc.constantFrom(...names), anyStanding, fc.nat(2), fc.nat(2))
      .map(([node, standing, up, missing]) => standings({ [node]: standing }, up, missing)),
    fc.tuple(anyAddress, fc.constantFrom(...names, "node-9")).map(([which, node]) => heard(node, which)),
    fc
      .tuple(anyAddress, fc.boolean())
      .map(([each, isFit]): Input => ({ type: "fitness", changes: [{ address: each, isFit }] })),
    fc.tuple(anyAddress, fc.shuffledSubarray([SELF, ...names]), fc.boolean()).map(
      ([each, candidates, isGone]): Input => ({
        type: "placements",
        changed: isGone ? [] : [{ address: each, candidates }],
        removed: isGone ? [each] : [],
      }),
    ),
  );
  const pauses = fc.oneof(fc.nat(5), fc.nat(400), fc.nat(20_000)).map((ms) => millis(ms));

  it("effects say what is answered for, no deadline stays, and nobody answers that is cut off or cannot", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anyInput, pauses, fc.boolean()), { maxLength: 60 }), (list) => {
        const node = nodeWith([{ address: ONE, candidates: [SELF, ...names] }]);
        const answered = new Set<IpAddress>();
        const { ownership } = node;
        let isLeaving = false;
        const step = (input: Input, now: Instant): void => {
          if (input.type === "leave" || input.type === "stay") isLeaving = input.type === "leave";
          for (const effect of ownership.step(input, now)) {
            if (effect.type === "answer") answered.add(effect.address);
            if (effect.type === "silence") assert.ok(answered.delete(effect.address), "silence after answer");
          }
          for (const each of [ONE, TWO]) {
            assert.equal(ownership.mayAnswer(each, now), answered.has(each), `${each}`);
            if (answered.has(each)) assert.equal(ownership.entry(each)?.fitness, "fit");
          }
          const isCutOff = ownership.company.verdict === "isolated" && !isLeaving;
          assert.ok(!isCutOff || answered.size === 0, "cut off");
          if (input.type !== "timer") return;
          const due = ownership.deadline();
          assert.ok(due === undefined || due > now, "no deadline stays");
        };
        // What `nodeWith` has done before is known.
        assert.ok(!ownership.mayAnswer(ONE, T0));
        let now = T0;
        for (const [input, pause, sleeps] of list) {
          const next = after(now, pause);
          for (
            let due = ownership.deadline();
            !sleeps && due !== undefined && due < next;
            due = ownership.deadline()
          ) {
            step({ type: "timer" }, due);
          }
          now = next;
          step(input, now);
          step({ type: "timer" }, now);
        }
      }),
      { numRuns: 500 },
    );
  });
});
