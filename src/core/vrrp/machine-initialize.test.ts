import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, micros } from "#base/time";
import {
  ANNOUNCE,
  able,
  activeNow,
  backup,
  CONFIG,
  FAULT,
  group,
  heard,
  initialize,
  LOST,
  NOW,
  OURS,
  OWNER,
  RECONFIGURED,
  restarted,
  send,
  table,
} from "#testing/vrrp-machine";
import { initialState } from "./machine.ts";
import type { InitializeState } from "./state.ts";

describe("in initialize (RFC 9568 §6.4.1)", () => {
  const faulty: InitializeState = { ...initialize, obstacles: ["tracking-fault"] };
  const owner: InitializeState = { ...initialize, priority: 255 };
  const addressless: InitializeState = { ...initialize, address: undefined, obstacles: ["no-address"] };
  table([
    { title: "becomes a backup on startup", from: initialize, input: { type: "startup" }, to: restarted },
    {
      title: "is active at once when it resumes, with the priority that tracking gave it",
      from: { ...initialize, priority: 90 },
      input: { type: "startup", resume: true },
      to: { ...activeNow, priority: 90 },
      effects: [send(90), ANNOUNCE],
    },
    {
      title: "is active at once when it resumes, also in a group, which resumes as a whole",
      config: { ...CONFIG, syncGroup: "g" },
      from: initialize,
      input: { type: "startup", resume: true },
      to: activeNow,
      effects: [send(100), ANNOUNCE],
    },
    {
      title: "does not resume with a fault",
      from: { ...initialize, obstacles: ["not-started", "tracking-fault"] },
      input: { type: "startup", resume: true },
      to: faulty,
    },
    {
      title: "becomes active on startup as the owner",
      config: OWNER,
      from: owner,
      input: { type: "startup" },
      to: { ...activeNow, priority: 255 },
      effects: [send(255), ANNOUNCE],
    },
    {
      title: "becomes active on startup as the owner even without preemption",
      config: { ...OWNER, preempt: false },
      from: owner,
      input: { type: "startup" },
      to: { ...activeNow, priority: 255 },
      effects: [send(255), ANNOUNCE],
    },
    {
      title: "waits, willing, for its group as the owner",
      config: { ...OWNER, syncGroup: "g" },
      from: owner,
      input: { type: "startup" },
      to: { ...backup, priority: 255, willing: true, activeDownAt: after(NOW, micros(600_781)) },
    },
    {
      title: "stays while another obstacle is left",
      from: { ...initialize, obstacles: ["not-started", "tracking-fault"] },
      input: { type: "startup" },
      to: faulty,
    },
    {
      title: "becomes a backup when the fault is over",
      from: faulty,
      input: able(90),
      to: { ...restarted, priority: 90, activeDownAt: after(NOW, micros(729_688)) },
    },
    {
      title: "becomes a backup when the interface gets an address",
      from: addressless,
      input: { type: "address", address: OURS },
      to: restarted,
    },
    { title: "hears nothing", from: initialize, input: heard(0), to: initialize },
    { title: "has no timer", from: initialize, input: { type: "timer" }, to: initialize },
    {
      title: "remembers a new fault",
      from: initialize,
      input: FAULT,
      to: { ...initialize, obstacles: ["not-started", "tracking-fault"] },
    },
    {
      title: "forgets the address it lost while something else kept it here",
      from: faulty,
      input: LOST,
      to: { ...faulty, address: undefined, obstacles: ["tracking-fault", "no-address"] },
    },
    { title: "knows a fault only once", from: faulty, input: FAULT, to: faulty },
    {
      title: "ignores its group's orders to act",
      from: initialize,
      input: group("become-active"),
      to: initialize,
    },
    {
      title: "ignores its group's order to step down",
      from: initialize,
      input: group("step-down"),
      to: initialize,
    },
    {
      title: "becomes a backup when its group is released",
      from: { ...initialize, obstacles: ["group-fault"] },
      input: group("release"),
      to: restarted,
    },
    {
      title: "forgets the group's hold when it has left the group",
      from: { ...initialize, obstacles: ["group-fault"] },
      input: RECONFIGURED,
      to: restarted,
    },
  ]);

  it("starts without a start order and without an address", () => {
    assert.deepEqual(initialState(CONFIG), {
      ...initialize,
      address: undefined,
      obstacles: ["not-started", "no-address"],
    });
  });
});
