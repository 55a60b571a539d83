import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { after, type Duration, instant, micros, millis, seconds } from "#base/time";
import type { MachineConfig } from "./config.ts";
import { initialState, step } from "./machine.ts";
import type { ControlPacket } from "./packet.ts";
import type { Input, SessionState } from "./state.ts";
import { detectionTime, jittered, transmitInterval } from "./timing.ts";

const NOW = instant(5_000_000);
const config = (transmit: number, receive: number): MachineConfig => ({
  desiredMinTxInterval: millis(transmit),
  requiredMinRxInterval: millis(receive),
  detectMultiplier: 3,
  role: "active",
});
const FIRST = config(100, 200);

const said = (more: Partial<ControlPacket> = {}): Input => ({
  type: "packet",
  packet: {
    ...{ state: "up", diagnostic: "none", poll: false, final: false },
    ...{ controlPlaneIndependent: false, demand: false, detectMultiplier: 4 },
    ...{ myDiscriminator: 77, yourDiscriminator: 5 },
    ...{ desiredMinTxInterval: millis(50), requiredMinRxInterval: millis(20) },
    requiredMinEchoRxInterval: micros(0),
    ...more,
  },
});
const TIMER: Input = { type: "timer", jitter: 0 };
const RECONFIGURED: Input = { type: "reconfigured" };

const run = (settings: MachineConfig, state: SessionState, ...inputs: readonly Input[]): SessionState =>
  inputs.reduce((before, input) => step(settings, before, input, NOW).state, state);

const start = initialState(FIRST, { localDiscriminator: 5, now: NOW });
/** Just up: the peer has not confirmed our interval yet. */
const polling = run(FIRST, start, said({ state: "init", desiredMinTxInterval: seconds(1) }));
/** Up, confirmed, and ready for the next change. */
const up = run(FIRST, polling, said({ final: true }), said());

const times = (state: SessionState): readonly [transmit: Duration, detection: Duration | undefined] => [
  transmitInterval(state),
  detectionTime(state),
];

describe("going up (RFC 5880 §6.8.3)", () => {
  it("polls for the quicker interval, which is used at once", () => {
    assert.deepEqual([polling.name, polling.poll], ["up", "polling"]);
    assert.deepEqual(times(polling), [millis(100), seconds(4)]);
    const { effects, state } = step(FIRST, polling, TIMER, after(NOW, millis(100)));
    assert.equal(effects[0]?.packet.poll, true);
    // Until the answer is there.
    assert.equal(step(FIRST, state, TIMER, after(NOW, millis(200))).effects[0]?.packet.poll, true);
    const answered = run(FIRST, state, said({ final: true }));
    assert.equal(step(FIRST, answered, TIMER, after(NOW, millis(200))).effects[0]?.packet.poll, false);
  });

  it("ends polling when it goes down, and is slow at once", () => {
    const down = run(FIRST, polling, said({ state: "down" }));
    assert.deepEqual([down.name, down.poll, transmitInterval(down)], ["down", "none", seconds(1)]);
  });
});

describe("the interval of our packets (RFC 5880 §6.8.2)", () => {
  it("is what both sides can bear, at once when the peer changes its mind", () => {
    assert.equal(transmitInterval(up), millis(100));
    assert.equal(transmitInterval(run(FIRST, up, said({ requiredMinRxInterval: millis(700) }))), millis(700));
    const slow = run(FIRST, up, said({ requiredMinRxInterval: seconds(20) }));
    assert.equal(slow.sendAt, after(NOW, seconds(20)));
    const quick = run(FIRST, slow, said());
    assert.equal(quick.sendAt, after(NOW, millis(100)));
  });

  it("is shortened by up to a quarter, with a multiplier of 1 by a tenth to a quarter (RFC 5880 §6.8.7)", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 10_000, max: 10_000_000 }),
        (die, multiplier, interval) => {
          const share = jittered(micros(interval), multiplier, die) / interval;
          assert.ok(share >= 0.7499 && share <= (multiplier === 1 ? 0.9001 : 1), `${share}`);
        },
      ),
    );
  });

  it("ends with those of other sessions once three quarters of it have passed, and no microsecond before (RFC 5880 §6.8.7)", () => {
    const others: Input = { type: "others-speak", jitter: 0.5 };
    const from = after(NOW, millis(75));
    assert.equal(up.sentAt, NOW);
    const early = step(FIRST, up, others, instant(from - 1));
    assert.deepEqual([early.state, early.effects], [up, []]);
    const joined = step(FIRST, up, others, from);
    assert.deepEqual([joined.effects.length, joined.state.sentAt], [1, from]);
    assert.equal(joined.state.sendAt, after(from, micros(87_500)));
    assert.equal(joined.state.expireAt, up.expireAt);
  });

  it("does not end with those of others while the session is not up, or no packets are wanted", () => {
    const others: Input = { type: "others-speak", jitter: 0 };
    const muted = run(FIRST, up, said({ requiredMinRxInterval: micros(0) }));
    const leaving = run(FIRST, up, { type: "leave" });
    for (const state of [start, muted, leaving])
      assert.deepEqual(step(FIRST, state, others, after(NOW, seconds(5))).effects, []);
  });

  it("is none when the peer wants no packets (RFC 5880 §6.8.7)", () => {
    const state = run(FIRST, up, said({ requiredMinRxInterval: micros(0) }));
    assert.equal(state.sendAt, undefined);
    assert.ok(state.expireAt !== undefined);
  });
});

describe("a peer in demand mode (RFC 5880 §6.6)", () => {
  it("is left in peace once both are up, but for answers and polls, and still missed", () => {
    const quiet = run(FIRST, up, said({ demand: true }));
    assert.equal(quiet.sendAt, undefined);
    assert.equal(detectionTime(quiet), millis(800));
    assert.equal(step(FIRST, quiet, said({ demand: true, poll: true }), NOW).effects[0]?.packet.final, true);
    const asking = run(config(300, 200), quiet, RECONFIGURED);
    assert.deepEqual([asking.poll, asking.sendAt], ["polling", after(NOW, millis(100))]);
    assert.equal(run(config(300, 200), asking, said({ demand: true, final: true })).sendAt, undefined);
  });

  it("is not left in peace before it says that it is up", () => {
    assert.ok(run(FIRST, up, said({ demand: true, state: "init" })).sendAt !== undefined);
  });
});

describe("changing our times while up (RFC 5880 §6.8.3)", () => {
  it("sends less often only after the peer has confirmed it (RFC 5880 §6.8.11)", () => {
    const slower = config(400, 200);
    const asking = run(slower, up, RECONFIGURED);
    assert.equal(asking.advertised.desiredMinTxInterval, millis(400));
    assert.deepEqual([asking.poll, transmitInterval(asking)], ["polling", millis(100)]);
    assert.equal(transmitInterval(run(slower, asking, said({ final: true }))), millis(400));
  });

  it("says another multiplier with the next packet, without asking (RFC 5880 §6.8.12)", () => {
    const patient = { ...FIRST, detectMultiplier: 9 };
    const told = run(patient, up, RECONFIGURED);
    const { effects } = step(patient, told, TIMER, after(NOW, millis(100)));
    assert.deepEqual([told.poll, effects[0]?.packet.detectMultiplier], ["none", 9]);
  });

  it("sends more often at once", () => {
    const asking = run(config(30, 200), up, RECONFIGURED);
    assert.deepEqual([asking.poll, transmitInterval(asking)], ["polling", millis(30)]);
  });

  it("waits for a shorter silence only after the peer has confirmed it, for a longer one at once (RFC 5880 §6.8.10)", () => {
    assert.equal(detectionTime(up), millis(800));
    const shorter = config(100, 60);
    const asking = run(shorter, up, RECONFIGURED);
    assert.deepEqual([asking.poll, detectionTime(asking)], ["polling", millis(800)]);
    assert.equal(detectionTime(run(shorter, asking, said({ final: true }))), millis(240));
    assert.equal(detectionTime(run(config(100, 900), up, RECONFIGURED)), millis(3_600));
  });

  it("does not ask again before a packet came that is no answer, since a late answer could be to either", () => {
    const [second, third] = [config(400, 200), config(600, 200)];
    const asking = run(second, up, RECONFIGURED);
    const told = run(third, asking, RECONFIGURED);
    assert.equal(told.advertised.desiredMinTxInterval, millis(400));
    const answered = run(third, told, said({ final: true }));
    assert.deepEqual([answered.poll, answered.advertised.desiredMinTxInterval], ["settling", millis(400)]);
    const late = run(third, answered, said({ final: true }));
    assert.equal(late.poll, "settling");
    const next = run(third, late, said());
    assert.deepEqual([next.poll, next.advertised.desiredMinTxInterval], ["polling", millis(600)]);
    assert.equal(transmitInterval(next), millis(400));
  });

  it("is done at once, without asking, while the session is not up", () => {
    const down = run(FIRST, start, said({ state: "up", yourDiscriminator: 5 }));
    const changed = run(config(3_000, 900), down, RECONFIGURED);
    assert.deepEqual([changed.name, changed.poll], ["down", "none"]);
    assert.deepEqual(times(changed), [seconds(3), millis(3_600)]);
  });

  it("ignores an answer that nobody asked for", () => {
    assert.equal(run(FIRST, up, said({ final: true })).poll, "none");
  });
});
