import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, type Instant, instant, micros, millis, seconds } from "#base/time";
import type { MachineConfig } from "./config.ts";
import { initialState, step } from "./machine.ts";
import type { ControlPacket } from "./packet.ts";
import type { Input, SessionState } from "./state.ts";
import { legacyOf, patient, succeed } from "./succession.ts";
import { detectionTime, peersDetectionTime, transmitInterval } from "./timing.ts";

const NOW = instant(1_000_000_000);
const CONFIG: MachineConfig = {
  ...{ desiredMinTxInterval: millis(100), requiredMinRxInterval: millis(100) },
  ...{ detectMultiplier: 3, role: "active" },
};
const PATIENT = patient(CONFIG, seconds(120));

const said = (state: ControlPacket["state"], more: Partial<ControlPacket> = {}): Input => ({
  type: "packet",
  packet: {
    ...{
      state,
      diagnostic: "none",
      poll: false,
      final: false,
      controlPlaneIndependent: false,
      demand: false,
    },
    ...{ detectMultiplier: 4, myDiscriminator: 77, yourDiscriminator: 5 },
    ...{ desiredMinTxInterval: millis(50), requiredMinRxInterval: millis(60) },
    requiredMinEchoRxInterval: micros(0),
    ...more,
  },
});

const led = (
  config: MachineConfig,
  state: SessionState,
  inputs: readonly Input[],
  now: Instant = NOW,
): SessionState => inputs.reduce((each, input) => step(config, each, input, now).state, state);

/** Up, with intervals that the peer has confirmed. */
const UP = led(CONFIG, initialState(CONFIG, { localDiscriminator: 5, now: NOW }), [
  ...[said("init"), said("up", { final: true }), said("up")],
]);
const ASKED = led(PATIENT, UP, [{ type: "reconfigured" }]);
const AGREED = led(PATIENT, ASKED, [said("up", { final: true })]);

describe("a session that is to outlast its program (RFC 5882 §4.3.2.2)", () => {
  it("is missed after as long a silence as is wanted, and no sooner than before", () => {
    assert.equal(PATIENT.desiredMinTxInterval * PATIENT.detectMultiplier, seconds(120));
    assert.equal(patient(CONFIG, millis(10)).desiredMinTxInterval, CONFIG.desiredMinTxInterval);
  });

  it("sends as often as before until the peer has confirmed that it will wait (RFC 5880 §6.8.3)", () => {
    assert.equal(ASKED.poll, "polling");
    assert.equal(transmitInterval(ASKED), millis(100));
    assert.ok(peersDetectionTime(PATIENT, AGREED) >= seconds(120));
  });

  it("can be left once that is confirmed, and not before", () => {
    assert.equal(legacyOf(PATIENT, UP), undefined);
    assert.equal(legacyOf(PATIENT, ASKED), undefined);
    assert.deepEqual(legacyOf(PATIENT, AGREED), {
      localDiscriminator: 5,
      advertised: {
        desiredMinTxInterval: PATIENT.desiredMinTxInterval,
        requiredMinRxInterval: CONFIG.requiredMinRxInterval,
      },
      remote: {
        ...{ discriminator: 77, desiredMinTxInterval: millis(50), requiredMinRxInterval: millis(60) },
        detectMultiplier: 4,
      },
    });
  });

  it("cannot be left while the peer leaves, or has gone", () => {
    for (const state of ["down", "admin-down"] as const)
      assert.equal(legacyOf(PATIENT, led(PATIENT, AGREED, [said(state)])), undefined, state);
  });
});

describe("a session of an earlier run", () => {
  const legacy = legacyOf(PATIENT, AGREED) ?? assert.fail("nothing was left");
  const later = after(NOW, seconds(30));
  const taken = succeed(CONFIG, legacy, later);

  it("is up under the same two names, speaks at once, and asks for its own intervals again", () => {
    assert.deepEqual([taken.name, taken.localDiscriminator, taken.sendAt], ["up", 5, later]);
    const [effect] = step(CONFIG, taken, { type: "timer", jitter: 0 }, later).effects;
    const { packet } = effect ?? assert.fail("nothing is sent");
    const { state, poll, yourDiscriminator, desiredMinTxInterval } = packet;
    assert.deepEqual([state, poll, yourDiscriminator], ["up", true, 77]);
    assert.equal(desiredMinTxInterval, CONFIG.desiredMinTxInterval);
  });

  it("sends at its own pace from then on, and keeps to it once the peer has confirmed", () => {
    assert.equal(transmitInterval(taken), millis(100));
    const confirmed = led(CONFIG, taken, [said("up", { final: true })], later);
    assert.equal(transmitInterval(confirmed), millis(100));
    assert.equal(peersDetectionTime(CONFIG, confirmed), millis(300));
  });

  it("is down unless the peer is heard within its detection time, however long nobody listened", () => {
    assert.equal(taken.expireAt, after(later, detectionTime(taken) ?? seconds(0)));
    const silent = led(CONFIG, taken, [{ type: "timer", jitter: 0 }], taken.expireAt);
    assert.equal(silent.name, "down");
  });

  it("starts anew where the peer has", () => {
    const fresh = said("down", { yourDiscriminator: 0, myDiscriminator: 78 });
    assert.deepEqual(
      [led(CONFIG, taken, [fresh], later).name, led(CONFIG, taken, [fresh, fresh], later).name],
      ["down", "init"],
    );
  });
});
