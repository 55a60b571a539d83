import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, instant, micros, millis, seconds } from "#base/time";
import type { MachineConfig } from "./config.ts";
import type { SessionStateName } from "./constants.ts";
import { deadline, initialState, step } from "./machine.ts";
import type { TransitionCause } from "./observe.ts";
import type { ControlPacket } from "./packet.ts";
import type { Input, SessionState } from "./state.ts";
import { detectionTime, transmitInterval } from "./timing.ts";

const NOW = instant(1_000_000_000);
const CONFIG: MachineConfig = {
  desiredMinTxInterval: millis(100),
  requiredMinRxInterval: millis(200),
  detectMultiplier: 3,
  role: "active",
};
const PASSIVE: MachineConfig = { ...CONFIG, role: "passive" };

/** What the peer says: it sends every 150 ms once up, takes every 50 ms, and is called dead after 4. */
const said = (
  state: SessionStateName,
  more: Partial<ControlPacket> = {},
): Extract<Input, { type: "packet" }> => ({
  type: "packet",
  packet: {
    state,
    diagnostic: "none",
    poll: false,
    final: false,
    controlPlaneIndependent: false,
    demand: false,
    detectMultiplier: 4,
    myDiscriminator: 77,
    yourDiscriminator: state === "down" || state === "admin-down" ? 0 : 5,
    desiredMinTxInterval: state === "up" ? millis(150) : seconds(1),
    requiredMinRxInterval: millis(50),
    requiredMinEchoRxInterval: micros(0),
    ...more,
  },
});

const TIMER: Input = { type: "timer", jitter: 0 };
const fresh = (config = CONFIG): SessionState => initialState(config, { localDiscriminator: 5, now: NOW });

/** The state after inputs at the same time. */
const led = (config: MachineConfig, ...inputs: readonly Input[]): SessionState =>
  inputs.reduce((state, input) => step(config, state, input, NOW).state, fresh(config));

const STATES: Readonly<Record<SessionStateName, SessionState>> = {
  "admin-down": led(CONFIG, { type: "leave" }),
  down: fresh(),
  init: led(CONFIG, said("down")),
  up: led(CONFIG, said("init"), said("up", { final: true }), said("up")),
};

const sentBy = (
  config: MachineConfig,
  state: SessionState,
  input: Input,
  now = NOW,
): readonly ControlPacket[] => step(config, state, input, now).effects.map(({ packet }) => packet);

const flags = (packets: readonly ControlPacket[]): readonly string[] =>
  packets.map(
    ({ state, poll, final, diagnostic }) =>
      `${state}${poll ? " poll" : ""}${final ? " final" : ""}${diagnostic === "none" ? "" : ` ${diagnostic}`}`,
  );

describe("the state machine (RFC 5880 §6.2, §6.8.6)", () => {
  const rows: readonly (readonly [SessionStateName, SessionStateName, SessionStateName, TransitionCause?])[] =
    [
      ["down", "admin-down", "down"],
      ["down", "down", "init", "neighbour-heard"],
      ["down", "init", "up", "both-heard"],
      ["down", "up", "down"],
      ["init", "admin-down", "down", "neighbour-leaving"],
      ["init", "down", "init"],
      ["init", "init", "up", "both-heard"],
      ["init", "up", "up", "both-heard"],
      ["up", "admin-down", "down", "neighbour-leaving"],
      ["up", "down", "down", "neighbour-signalled-down"],
      ["up", "init", "up"],
      ["up", "up", "up"],
      ["admin-down", "admin-down", "admin-down"],
      ["admin-down", "down", "admin-down"],
      ["admin-down", "init", "admin-down"],
      ["admin-down", "up", "admin-down"],
    ];
  for (const [from, heard, to, cause] of rows) {
    it(`${from} that hears ${heard} ${from === to ? "stays" : `becomes ${to}`}`, () => {
      const { state, transition } = step(CONFIG, STATES[from], said(heard), NOW);
      assert.equal(state.name, to);
      assert.deepEqual(transition, cause && { from, to, cause, remoteDiagnostic: "none" });
      if (from !== "down" && to === "down") assert.equal(state.diagnostic, "neighbour-signalled-down");
      if (to === "up") assert.equal(state.diagnostic, "none");
      assert.equal(state.remote?.state, heard);
    });
  }

  it("tells the peer at once when it has news, and only then (RFC 5880 §6.8.7)", () => {
    assert.deepEqual(flags(sentBy(CONFIG, STATES.down, said("down"))), ["init"]);
    assert.deepEqual(flags(sentBy(CONFIG, STATES.down, said("init"))), ["up poll"]);
    assert.deepEqual(flags(sentBy(CONFIG, STATES.up, said("down"))), ["down neighbour-signalled-down"]);
    const known = step(CONFIG, STATES.down, said("up"), NOW).state;
    assert.deepEqual(flags(sentBy(CONFIG, known, said("down"))), ["init"]);
    assert.deepEqual(flags(sentBy(CONFIG, STATES.up, said("up"))), []);
    assert.deepEqual(flags(sentBy(CONFIG, STATES.init, said("down"))), []);
    const [packet] = sentBy(CONFIG, STATES.up, said("up", { myDiscriminator: 78 }));
    assert.equal(packet?.yourDiscriminator, 78);
  });

  it("answers each poll, once, with what is true after it (RFC 5880 §6.5)", () => {
    for (const from of ["down", "init", "up"] as const) {
      const packets = sentBy(CONFIG, STATES[from], said("up", { poll: true }));
      const state = from === "down" ? "down" : "up";
      assert.deepEqual(flags(packets), [`${state} final`]);
    }
    const [packet] = sentBy(CONFIG, STATES.down, said("init", { poll: true }));
    assert.deepEqual([packet?.state, packet?.desiredMinTxInterval], ["up", millis(100)]);
  });

  it("answers nothing while it leaves (RFC 5880 §6.8.6)", () => {
    const { state } = step(CONFIG, STATES["admin-down"], said("up"), NOW);
    assert.deepEqual(sentBy(CONFIG, state, said("up", { poll: true })), []);
  });
});

describe("a session that is passive (RFC 5880 §6.1)", () => {
  it("says nothing before it has heard the peer, nor after it has lost it", () => {
    const state = fresh(PASSIVE);
    assert.equal(deadline(state), undefined);
    assert.deepEqual(sentBy(PASSIVE, state, { type: "leave" }), []);
    const heard = step(PASSIVE, state, said("down"), NOW);
    assert.deepEqual(flags(heard.effects.map(({ packet }) => packet)), ["init"]);
    const lost = step(PASSIVE, heard.state, TIMER, after(NOW, seconds(4)));
    assert.deepEqual([lost.state.name, lost.effects, deadline(lost.state)], ["down", [], undefined]);
  });
});

describe("deadlines", () => {
  const fire = (state: SessionState, at: number, config = CONFIG) => step(config, state, TIMER, instant(at));

  it("send the first packet at once, and the next one a second later, less jitter (RFC 5880 §6.8.3, §6.8.7)", () => {
    const state = fresh();
    assert.equal(deadline(state), NOW);
    const first = step(CONFIG, state, { type: "timer", jitter: 0.5 }, NOW);
    assert.deepEqual(flags(first.effects.map(({ packet }) => packet)), ["down"]);
    assert.equal(first.effects[0]?.packet.desiredMinTxInterval, seconds(1));
    assert.equal(deadline(first.state), NOW + 875_000);
    assert.deepEqual(fire(first.state, NOW + 874_999), { ...first, effects: [], transition: undefined });
    assert.equal(fire(first.state, NOW + 875_000).effects.length, 1);
  });

  it("of a silence: nothing one microsecond before, down at it (RFC 5880 §6.8.4)", () => {
    const { up } = STATES;
    // Four of the peer's, each as long as we want it to wait at least.
    assert.equal(detectionTime(up), millis(800));
    let state = up;
    for (let at: number = NOW; at < NOW + 799_999; at += 100_000) state = fire(state, at).state;
    const alive = fire(state, NOW + 799_999).state;
    assert.equal(alive.name, "up");
    const { state: dead, effects, transition } = fire(alive, NOW + 800_000);
    assert.deepEqual(flags(effects.map(({ packet }) => packet)), ["down detection-time-expired"]);
    assert.deepEqual(transition, {
      from: "up",
      to: "down",
      cause: "detection-time-expired",
      remoteDiagnostic: undefined,
    });
    assert.deepEqual([dead.remote, effects[0]?.packet.yourDiscriminator], [undefined, 0]);
    assert.equal(detectionTime(dead), undefined);
  });

  it("of a silence count from when a packet came, if it waited no longer than packets are let wait", () => {
    const late = after(NOW, seconds(3));
    const heard = (waited: number) =>
      step(CONFIG, STATES.up, { ...said("up"), waited: micros(waited) }, late).state;
    assert.equal(heard(25_000).expireAt, after(late, millis(775)));
    assert.equal(heard(60_000).expireAt, after(late, millis(740)));
    // This process stood still, which is not the peer's fault.
    assert.equal(heard(3_000_000).expireAt, after(late, millis(740)));
    // The clock of the wall was set back.
    assert.equal(heard(-1).expireAt, after(late, millis(800)));
  });

  it("of a silence are not moved back by a packet that another one has overtaken", () => {
    const late = after(NOW, seconds(3));
    const { state } = step(CONFIG, STATES.up, said("up"), late);
    const overtaken = step(CONFIG, state, { ...said("up"), waited: millis(30) }, after(late, millis(1)));
    assert.equal(overtaken.state.heardAt, late);
  });

  it("of a silence are moved by every packet, and count from when it is delivered", () => {
    const late = after(NOW, seconds(3));
    const { state } = step(CONFIG, STATES.up, said("up"), late);
    assert.equal(state.expireAt, after(late, millis(800)));
    assert.equal(fire(state, late).state.name, "up");
  });

  it("of a peer that is down or leaving: it is forgotten without a transition (RFC 5880 §6.8.1)", () => {
    for (const word of ["admin-down", "up"] as const) {
      const heard = step(CONFIG, STATES.down, said(word, { desiredMinTxInterval: seconds(1) }), NOW).state;
      assert.equal(heard.remote?.discriminator, 77);
      const { state, transition } = fire(heard, NOW + 4_000_000);
      assert.deepEqual([state.name, state.remote, transition], ["down", undefined, undefined]);
    }
  });

  it("skip what was slept through, and do not burst", () => {
    const late = fire(STATES.down, NOW + 60_000_000);
    assert.equal(late.effects.length, 1);
    assert.equal(deadline(late.state), NOW + 61_000_000);
  });
});

describe("leaving (RFC 5880 §6.8.16)", () => {
  it("is said at once, and at the agreed pace until the peer would have missed us, then slowly", () => {
    const { up } = STATES;
    assert.equal(transmitInterval(up), millis(100));
    const left = step(CONFIG, up, { type: "leave" }, NOW);
    assert.deepEqual(flags(left.effects.map(({ packet }) => packet)), ["admin-down administratively-down"]);
    assert.equal(left.effects[0]?.packet.desiredMinTxInterval, seconds(1));
    assert.deepEqual(left.transition, {
      from: "up",
      to: "admin-down",
      cause: "leave",
      remoteDiagnostic: "none",
    });
    const sent: number[] = [];
    let { state } = left;
    for (let due = deadline(state); due !== undefined && due < NOW + 3_000_000; due = deadline(state)) {
      const next = step(CONFIG, state, TIMER, due);
      if (next.effects.length > 0) sent.push(due - NOW);
      state = next.state;
    }
    assert.deepEqual(sent, [100_000, 200_000, 1_200_000, 2_200_000]);
  });

  it("is not repeated quickly to a peer that says that it has heard it", () => {
    const { state } = step(CONFIG, STATES.up, { type: "leave" }, NOW);
    const heard = step(CONFIG, state, said("down", { yourDiscriminator: 5 }), NOW).state;
    assert.equal(heard.sendAt, after(NOW, seconds(1)));
  });

  it("ends with a return: down, and up again by the usual way", () => {
    const { state, transition } = step(CONFIG, STATES["admin-down"], { type: "return" }, NOW);
    assert.deepEqual([state.name, state.diagnostic, transition?.cause], ["down", "none", "return"]);
    assert.equal(step(CONFIG, state, said("init"), NOW).state.name, "up");
  });

  it("is nothing new when it is said twice, and a return is nothing without it", () => {
    const { state } = step(CONFIG, STATES.up, { type: "leave" }, NOW);
    assert.deepEqual(step(CONFIG, state, { type: "leave" }, NOW), {
      state,
      effects: [],
      transition: undefined,
    });
    assert.deepEqual(step(CONFIG, STATES.up, { type: "return" }, NOW), { state: STATES.up, effects: [] });
  });
});

describe("a failure that others found (RFC 5880 §6.8.15)", () => {
  it("takes the session down with its own diagnostic, until packets come", () => {
    const failure: Input = { type: "failure", diagnostic: "path-down" };
    const { state, effects, transition } = step(CONFIG, STATES.up, failure, NOW);
    assert.deepEqual(flags(effects.map(({ packet }) => packet)), ["down path-down"]);
    assert.equal(transition?.cause, "path-down");
    const again = step(CONFIG, state, said("down"), NOW).state;
    assert.deepEqual([again.name, again.diagnostic], ["init", "path-down"]);
    assert.equal(step(CONFIG, again, said("init"), NOW).state.diagnostic, "none");
  });

  it("becomes the reason of a session that is down already, and is no matter to one that leaves", () => {
    const failure: Input = { type: "failure", diagnostic: "path-down" };
    const { state, effects, transition } = step(CONFIG, STATES.down, failure, NOW);
    assert.deepEqual([state.name, state.diagnostic, transition], ["down", "path-down", undefined]);
    assert.deepEqual(flags(effects.map(({ packet }) => packet)), ["down path-down"]);
    assert.equal(step(CONFIG, STATES["admin-down"], failure, NOW).state.diagnostic, "administratively-down");
  });
});
