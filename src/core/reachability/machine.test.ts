import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";

import { type MacAddress, macFromBytes } from "#base/mac";
import { after, type Instant, instant, millis, toMillis } from "#base/time";
import {
  deadline,
  type Effect,
  type Input,
  initialState,
  intervalFor,
  LATEST,
  MOST_MOVES,
  PROBE_DEFAULTS,
  type ProbeConfig,
  step,
  TRIES,
} from "./machine.ts";

const mac = (last: number) => macFromBytes(Uint8Array.of(2, 0, 0, 0, 0, last));
const CONFIG: ProbeConfig = { ...PROBE_DEFAULTS, connects: true };
const NAME = "192.0.2.1";

/** One probe, driven as the caller would. */
const probe = (config = CONFIG) => {
  let now: Instant = instant(7_000_000);
  let state = initialState(NAME, config, now);
  const effects: Effect[] = [];
  const give = (input: Input): void => {
    const isStranger = (each: MacAddress): boolean => each === mac(9);
    const next = step({ name: NAME, config, isStranger }, state, input, now);
    state = next.state;
    effects.push(...next.effects);
  };
  return {
    give,
    /** Lets time pass until the next deadline and one step happen. */
    tick: () => {
      now = deadline(config, state);
      give({ type: "timer" });
    },
    pass: (milliseconds: number) => {
      now = after(now, millis(milliseconds));
    },
    take: () => effects.splice(0).map(({ type }) => type),
    verdict: () => state.verdict,
    phase: () => state.phase.name,
    now: () => now,
    next: () => deadline(config, state),
  };
};

describe("the probe of an address", () => {
  it("finds it reachable: resolved, connected to, and the handshake taken back", () => {
    const { give, tick, pass, take, verdict } = probe();
    tick();
    pass(2);
    give({ type: "answer", mac: mac(1) });
    tick();
    assert.deepEqual(take(), ["resolve", "connect"]);
    pass(3);
    give({ type: "segment", kind: "syn-ack" });
    assert.deepEqual(take(), ["reset", "tell"]);
    assert.deepEqual(verdict(), {
      ...{ type: "reachable", mac: mac(1), resolved: millis(2), connected: millis(3) },
    });
  });

  it("is content with an address that has no TCP port once it is resolved", () => {
    const { give, tick, take, verdict } = probe({ ...CONFIG, connects: false });
    tick();
    give({ type: "answer", mac: mac(1) });
    tick();
    assert.deepEqual(take(), ["resolve", "tell"]);
    assert.equal(verdict().type, "reachable");
  });

  it("says that nobody answers after three questions, and asks again at the next round", () => {
    const { tick, take, verdict, next, now } = probe();
    for (let tries = 0; tries < TRIES; tries += 1) tick();
    assert.equal(verdict().type, "unknown");
    tick();
    assert.deepEqual(take(), ["resolve", "resolve", "resolve", "tell"]);
    assert.deepEqual(verdict(), { type: "unreachable", obstacle: { type: "not-resolved" } });
    assert.ok(next() - now() <= CONFIG.interval);
    tick();
    assert.deepEqual(take(), ["resolve"]);
  });

  it("outlives a lost frame of either kind", () => {
    const { give, tick, verdict } = probe();
    tick();
    tick();
    give({ type: "answer", mac: mac(1) });
    tick();
    tick();
    give({ type: "segment", kind: "syn-ack" });
    assert.equal(verdict().type, "reachable");
  });

  it("says who answers when two machines do twice in a row, and does not connect", () => {
    const { give, tick, take, verdict } = probe();
    tick();
    for (let tries = 0; tries < 2; tries += 1) {
      assert.equal(verdict().type, "unknown");
      for (const last of [2, 1, 2]) give({ type: "answer", mac: mac(last) });
      tick();
    }
    assert.deepEqual(verdict(), {
      type: "unreachable",
      obstacle: { type: "answered-twice", macs: [mac(1), mac(2)] },
    });
    assert.deepEqual(take(), ["resolve", "resolve", "tell"]);
  });

  it("says who answers when that is no node of the cluster, twice in a row, and does not connect to it", () => {
    const { give, tick, take, verdict } = probe();
    tick();
    for (let tries = 0; tries < 2; tries += 1) {
      assert.equal(verdict().type, "unknown");
      give({ type: "answer", mac: mac(9) });
      tick();
    }
    assert.deepEqual(verdict(), { type: "unreachable", obstacle: { type: "other-machine", mac: mac(9) } });
    assert.deepEqual(take(), ["resolve", "resolve", "tell"]);
  });

  it("takes two that answer once for a hand-over", () => {
    const { give, tick, take, verdict } = probe({ ...CONFIG, connects: false });
    tick();
    for (const last of [1, 2]) give({ type: "answer", mac: mac(last) });
    tick();
    give({ type: "answer", mac: mac(2) });
    tick();
    assert.deepEqual([take(), verdict().type], [["resolve", "resolve", "tell"], "reachable"]);
  });

  it("tells a port that refuses from one that is silent, and takes back what it began", () => {
    const refused = probe();
    refused.tick();
    refused.give({ type: "answer", mac: mac(1) });
    refused.tick();
    refused.give({ type: "segment", kind: "reset" });
    assert.deepEqual(refused.verdict(), {
      type: "unreachable",
      obstacle: { type: "refused", mac: mac(1) },
    });
    assert.deepEqual(refused.take(), ["resolve", "connect", "tell"]);
    const silent = probe();
    silent.tick();
    silent.give({ type: "answer", mac: mac(1) });
    for (let tries = 0; tries <= TRIES; tries += 1) silent.tick();
    assert.deepEqual(silent.verdict(), { type: "unreachable", obstacle: { type: "silent", mac: mac(1) } });
    assert.deepEqual(silent.take(), ["resolve", "connect", "connect", "connect", "reset", "tell"]);
  });

  it("tells each verdict once, and a new one at once", () => {
    const { give, tick, take } = probe();
    const round = (last: number) => {
      tick();
      give({ type: "answer", mac: mac(last) });
      tick();
      give({ type: "segment", kind: "syn-ack" });
    };
    round(1);
    round(1);
    // Another node has it now, which is nobody's concern here.
    round(2);
    assert.equal(take().filter((type) => type === "tell").length, 1);
    for (let tries = 0; tries <= TRIES; tries += 1) tick();
    assert.equal(take().filter((type) => type === "tell").length, 1);
  });

  it("takes no notice of answers that come when none is awaited", () => {
    const { give, take, phase } = probe();
    give({ type: "answer", mac: mac(1) });
    give({ type: "segment", kind: "syn-ack" });
    assert.deepEqual([take(), phase()], [[], "waiting"]);
  });

  it("asks anew when another machine announces the address, and takes back what it began with the old one", () => {
    const { give, tick, take, verdict } = probe();
    tick();
    give({ type: "announced", mac: mac(3) });
    give({ type: "answer", mac: mac(1) });
    give({ type: "announced", mac: mac(1) });
    assert.deepEqual(take(), ["resolve"]);
    give({ type: "announced", mac: mac(2) });
    give({ type: "answer", mac: mac(2) });
    tick();
    assert.deepEqual(take(), ["resolve", "connect"]);
    give({ type: "announced", mac: mac(3) });
    assert.deepEqual(take(), ["reset", "resolve"]);
    give({ type: "answer", mac: mac(3) });
    tick();
    // Enough for one round: who goes on announcing cannot keep it from ending.
    for (let last = 4; last < 9; last += 1) give({ type: "announced", mac: mac(last) });
    give({ type: "segment", kind: "syn-ack" });
    assert.deepEqual(take(), ["connect", "reset", "tell"]);
    const found = verdict();
    assert.ok(found.type === "reachable");
    assert.equal(found.mac, mac(3));
  });

  it("says that it does not know any more when nothing can be asked, and takes a handshake back", () => {
    const { give, tick, take, verdict, phase } = probe();
    for (const connects of [true, false]) {
      tick();
      give({ type: "answer", mac: mac(1) });
      tick();
      if (connects) give({ type: "segment", kind: "syn-ack" });
    }
    give({ type: "unable" });
    assert.deepEqual([verdict(), phase()], [{ type: "unknown" }, "waiting"]);
    assert.deepEqual(take().slice(-2), ["reset", "tell"]);
    give({ type: "unable" });
    assert.deepEqual(take(), []);
  });

  it("leaves out a round that is late, so that a pause of the process does not gather thousands", () => {
    const { give, pass, take, next, now } = probe();
    const late = (milliseconds: number): void => pass((next() - now()) / 1_000 + milliseconds);
    late(LATEST / 1_000 + 0.001);
    give({ type: "timer" });
    assert.deepEqual(take(), []);
    late(LATEST / 1_000);
    give({ type: "timer" });
    assert.deepEqual(take(), ["resolve"]);
  });

  it("goes on for ever whatever comes: each deadline lies ahead, the questions of a round are bounded, and each handshake ends", () => {
    const input: fc.Arbitrary<Input> = fc.oneof(
      fc.constant<Input>({ type: "timer" }),
      fc.integer({ min: 0, max: 9 }).map((last): Input => ({ type: "answer", mac: mac(last) })),
      fc.integer({ min: 0, max: 9 }).map((last): Input => ({ type: "announced", mac: mac(last) })),
      fc.constantFrom("syn-ack" as const, "reset" as const).map((kind): Input => ({ type: "segment", kind })),
      fc.constant<Input>({ type: "unable" }),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(20_000), input), { maxLength: 200 }), (inputs) => {
        const { give, pass, take, phase, now, next } = probe();
        let questions = 0;
        for (const [milliseconds, each] of inputs) {
          pass(milliseconds);
          give(each);
          give({ type: "timer" });
          assert.ok(next() > now());
          questions += take().filter((type) => type === "resolve" || type === "connect").length;
          assert.ok(questions <= (2 * TRIES + 1) * (MOST_MOVES + 1));
          if (phase() === "waiting") questions = 0;
        }
      }),
    );
  });

  it("comes less often to one among thousands, but not to one that is unreachable or was never asked for", () => {
    const { give, tick, pass, verdict, now, next } = probe({ ...CONFIG, interval: intervalFor(10_000) });
    const first = next();
    assert.ok(first - now() <= PROBE_DEFAULTS.interval);
    tick();
    give({ type: "answer", mac: mac(1) });
    tick();
    pass(1);
    give({ type: "segment", kind: "syn-ack" });
    assert.equal(verdict().type, "reachable");
    // It is on a grid of its own from here on, and then comes once in each interval.
    tick();
    const second = now();
    while (verdict().type === "reachable") tick();
    assert.ok(next() - now() <= PROBE_DEFAULTS.interval);
    tick();
    give({ type: "answer", mac: mac(1) });
    tick();
    give({ type: "segment", kind: "syn-ack" });
    assert.equal(verdict().type, "reachable");
    assert.equal((next() - second) % intervalFor(10_000), 0);
  });
});

describe("the time between two rounds", () => {
  it("is ten seconds for up to 100 addresses, then doubles, so that no more than 10 a second are asked for", () => {
    const inSeconds = (addresses: number): number => toMillis(intervalFor(addresses)) / 1_000;
    assert.deepEqual([0, 1, 100, 101, 200, 201, 10_000].map(inSeconds), [10, 10, 10, 20, 20, 40, 1_280]);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), (count) => assert.ok(count / inSeconds(count) <= 10)),
    );
  });
});
