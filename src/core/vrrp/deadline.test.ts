import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, instant, millis, seconds } from "#base/time";
import {
  ANNOUNCE,
  active,
  backup,
  CONFIG,
  DOWN,
  GROUPED,
  heard,
  INTERVAL,
  NOW,
  PATIENT,
  send,
  WITHDRAW,
} from "#testing/vrrp-machine";
import { deadline, step } from "./machine.ts";
import type { MachineConfig, State } from "./state.ts";

describe("the deadline", () => {
  const fire = (config: MachineConfig, state: State, at: number) =>
    step(config, state, { type: "timer" }, instant(at));

  it("of a backup: nothing one microsecond before, active at it", () => {
    const due = NOW + 400_000;
    assert.equal(deadline(backup), due);
    assert.deepEqual(fire(CONFIG, backup, due - 1), { state: backup, effects: [] });
    const { state, effects } = fire(CONFIG, backup, due);
    assert.deepEqual(effects, [send(100), ANNOUNCE]);
    assert.equal(deadline(state), due + INTERVAL);
  });

  it("of a preempt delay: nothing one microsecond before, active at it", () => {
    const state = { ...backup, preemptAt: after(NOW, millis(300)) };
    assert.equal(deadline(state), NOW + 300_000);
    assert.equal(fire(PATIENT, state, NOW + 299_999).state, state);
    assert.equal(fire(PATIENT, state, NOW + 300_000).state.name, "active");
  });

  it("of a preempt delay is not waited for when the worse router falls silent", () => {
    const state = { ...backup, preemptAt: after(NOW, seconds(5)) };
    assert.equal(deadline(state), backup.activeDownAt);
    assert.equal(fire(PATIENT, state, backup.activeDownAt).state.name, "active");
  });

  it("of a backup in a group makes it willing, not active", () => {
    const { state, effects } = fire(GROUPED, backup, backup.activeDownAt);
    assert.deepEqual(effects, []);
    assert.deepEqual(state, { ...backup, willing: true, activeDownAt: after(backup.activeDownAt, DOWN) });
  });

  it("of an active router: nothing one microsecond before, an advertisement at it", () => {
    const due = NOW + 50_000;
    assert.equal(deadline(active), due);
    assert.deepEqual(fire(CONFIG, active, due - 1), { state: active, effects: [] });
    assert.deepEqual(fire(CONFIG, active, due).effects, [send(100)]);
  });

  it("of an active router does not drift when the timer is late", () => {
    const { state } = fire(CONFIG, active, NOW + 50_000 + 199_999);
    assert.equal(deadline(state), NOW + 250_000);
  });

  it("of an active router lies ahead when the timer is late by exactly one interval", () => {
    const late = NOW + 50_000 + INTERVAL;
    assert.equal(deadline(fire(CONFIG, active, late).state), late + INTERVAL);
  });

  it("of an active router skips what was slept through", () => {
    const late = NOW + 50_000 + 10 * INTERVAL;
    const { state, effects } = fire(CONFIG, active, late);
    assert.deepEqual(effects, [send(100)]);
    assert.equal(deadline(state), late + INTERVAL);
  });

  it("does not exist in initialize", () =>
    assert.equal(
      deadline({ name: "initialize", priority: 1, address: undefined, obstacles: ["no-address"] }),
      undefined,
    ));
});

describe("after a long sleep", () => {
  const late = instant(backup.activeDownAt + 3_000_000);

  it("a backup believes an advertisement read before the timer, though its deadline has passed", () => {
    const { state } = step(CONFIG, backup, heard(101), late);
    assert.deepEqual(step(CONFIG, state, { type: "timer" }, late), { state, effects: [] });
    assert.equal(deadline(state), late + DOWN);
  });

  it("an active router yields to one read before the timer and says only that", () => {
    const { state, effects } = step(CONFIG, active, heard(101), late);
    assert.deepEqual(effects, [WITHDRAW, send(100)]);
    assert.deepEqual(step(CONFIG, state, { type: "timer" }, late).effects, []);
  });

  it("a backup takes over at once when nothing was heard", () => {
    assert.equal(step(CONFIG, backup, { type: "timer" }, late).state.name, "active");
  });
});
