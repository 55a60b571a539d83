import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, instant, micros, millis, seconds } from "#base/time";
import { address, virtualRouter } from "#testing/values";
import { initialState, step } from "./machine.ts";
import type {
  ActiveState,
  BackupState,
  Effect,
  InitializeState,
  Input,
  MachineConfig,
  State,
} from "./state.ts";

const NOW = instant(1_000_000_000);
const OURS = address("192.0.2.5");
const GREATER = address("192.0.2.10");
const SMALLER = address("192.0.2.4");
const INTERVAL = millis(200);

const CONFIG: MachineConfig = virtualRouter({ priority: 100, advertisementInterval: INTERVAL });
const OWNER = { ...CONFIG, priority: 255 };
const NO_PREEMPT = { ...CONFIG, preempt: false };
const PATIENT = { ...CONFIG, preemptDelay: seconds(5) };
const GROUPED = { ...CONFIG, syncGroup: "g" };
const VERSION_2 = { ...CONFIG, version: 2 as const, advertisementInterval: seconds(1) };

/** 3 x 200 ms + (256 - 100) x 200 ms / 256. */
const DOWN = micros(721_875);
const SKEW = micros(121_875);

const initialize: InitializeState = {
  name: "initialize",
  priority: 100,
  address: OURS,
  obstacles: ["not-started"],
};
const backup: BackupState = {
  name: "backup",
  priority: 100,
  address: OURS,
  activeAdverInterval: INTERVAL,
  activeDownAt: after(NOW, millis(400)),
  expectation: "silence",
  preemptAt: undefined,
  willing: false,
};
const active: ActiveState = {
  name: "active",
  priority: 100,
  address: OURS,
  adverAt: after(NOW, millis(50)),
  sentAt: after(NOW, millis(-150)),
};

const restarted: BackupState = { ...backup, activeDownAt: after(NOW, DOWN) };
const activeNow: ActiveState = { ...active, adverAt: after(NOW, INTERVAL), sentAt: NOW };

const send = (priority: number): Effect => ({ type: "send-advertisement", priority });
const ANNOUNCE: Effect = { type: "announce-addresses" };
const REANNOUNCE: Effect = { type: "reannounce-addresses" };
const WITHDRAW: Effect = { type: "withdraw-addresses" };

const heard = (priority: number, source = SMALLER, advertisementInterval = INTERVAL): Input => ({
  type: "advertisement",
  source,
  priority,
  advertisementInterval,
});
const able = (priority: number): Input => ({ type: "tracking", standing: { type: "able", priority } });
const FAULT: Input = { type: "tracking", standing: { type: "fault" } };
const LOST: Input = { type: "address", address: undefined };
const MOVED: Input = { type: "address", address: GREATER };
const RECONFIGURED: Input = { type: "reconfigured" };
const group = (command: "become-active" | "step-down" | "hold" | "release"): Input => ({
  type: "group",
  command,
});

type Row = {
  readonly title: string;
  readonly config?: MachineConfig;
  readonly from: State;
  readonly input: Input;
  readonly to: State;
  readonly effects?: readonly Effect[];
};

const table = (rows: readonly Row[]): void => {
  for (const { title, config = CONFIG, from, input, to, effects = [] } of rows) {
    it(title, () => assert.deepEqual(step(config, from, input, NOW), { state: to, effects }));
  }
};

describe("in initialize (RFC 9568 §6.4.1)", () => {
  const faulty: InitializeState = { ...initialize, obstacles: ["tracking-fault"] };
  const owner: InitializeState = { ...initialize, priority: 255 };
  const addressless: InitializeState = { ...initialize, address: undefined, obstacles: ["no-address"] };
  table([
    { title: "becomes a backup on startup", from: initialize, input: { type: "startup" }, to: restarted },
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

describe("in backup (RFC 9568 §6.4.2)", () => {
  const preempting: BackupState = { ...backup, expectation: "preemption" };
  const delayed: BackupState = { ...restarted, expectation: "preemption", preemptAt: after(NOW, seconds(5)) };
  table([
    { title: "restarts its timer on a higher priority", from: backup, input: heard(101), to: restarted },
    {
      title: "restarts its timer on an equal priority, whatever the addresses",
      from: backup,
      input: heard(100, SMALLER),
      to: restarted,
    },
    {
      title: "keeps the sender's time in version 3",
      from: backup,
      input: heard(101, SMALLER, millis(1_000)),
      to: { ...backup, activeAdverInterval: millis(1_000), activeDownAt: after(NOW, micros(3_609_375)) },
    },
    {
      title: "keeps its own time in version 2 (RFC 3768 §6.4.2)",
      config: VERSION_2,
      from: { ...backup, activeAdverInterval: seconds(1) },
      input: heard(101, SMALLER, seconds(4)),
      to: { ...backup, activeAdverInterval: seconds(1), activeDownAt: after(NOW, micros(3_609_375)) },
    },
    { title: "discards a lower priority when it preempts", from: backup, input: heard(99), to: preempting },
    {
      title: "obeys a lower priority when it does not preempt",
      config: NO_PREEMPT,
      from: backup,
      input: heard(1),
      to: restarted,
    },
    {
      title: "waits the skew alone after a priority of zero",
      from: backup,
      input: heard(0),
      to: { ...backup, activeDownAt: after(NOW, SKEW), expectation: "resignation" },
    },
    {
      title: "does not wait longer because priority zero is repeated",
      from: { ...backup, activeDownAt: after(NOW, millis(1)) },
      input: heard(0),
      to: { ...backup, activeDownAt: after(NOW, millis(1)), expectation: "resignation" },
    },
    {
      title: "starts the preempt delay at a worse router's first advertisement",
      config: PATIENT,
      from: backup,
      input: heard(99),
      to: delayed,
    },
    {
      title: "does not start the preempt delay again, but hears that the worse router lives",
      config: PATIENT,
      from: { ...preempting, preemptAt: after(NOW, seconds(2)) },
      input: heard(99),
      to: { ...delayed, preemptAt: after(NOW, seconds(2)) },
    },
    {
      title: "forgets the preempt delay when a better router speaks",
      config: PATIENT,
      from: delayed,
      input: heard(100),
      to: restarted,
    },
    {
      title: "does not wait for the preempt delay when the worse router resigns",
      config: PATIENT,
      from: delayed,
      input: heard(0),
      to: { ...delayed, activeDownAt: after(NOW, SKEW), preemptAt: undefined, expectation: "resignation" },
    },
    {
      title: "goes to initialize on shutdown and says nothing",
      from: backup,
      input: { type: "shutdown" },
      to: initialize,
    },
    {
      title: "goes to initialize on a fault",
      from: backup,
      input: FAULT,
      to: { ...initialize, obstacles: ["tracking-fault"] },
    },
    {
      title: "goes to initialize when the address is lost",
      from: backup,
      input: LOST,
      to: { ...initialize, address: undefined, obstacles: ["no-address"] },
    },
    {
      title: "is held by its group",
      config: GROUPED,
      from: backup,
      input: group("hold"),
      to: { ...initialize, obstacles: ["group-fault"] },
    },
    { title: "takes a new address", from: backup, input: MOVED, to: { ...backup, address: GREATER } },
    {
      title: "moves its deadline by the difference of the skews when its priority changes",
      from: backup,
      input: able(228),
      to: { ...backup, priority: 228, activeDownAt: after(NOW, millis(300)) },
    },
    {
      title: "keeps its deadline when its priority does not change",
      from: backup,
      input: able(100),
      to: backup,
    },
    {
      title: "becomes active when it becomes the owner",
      from: backup,
      input: able(255),
      to: { ...activeNow, priority: 255 },
      effects: [send(255), ANNOUNCE],
    },
    {
      title: "becomes active on its group's order",
      config: GROUPED,
      from: backup,
      input: group("become-active"),
      to: activeNow,
      effects: [send(100), ANNOUNCE],
    },
    {
      title: "is not willing any more after its group stepped down",
      config: GROUPED,
      from: { ...backup, willing: true },
      input: group("step-down"),
      to: restarted,
    },
    {
      title: "is not willing any more after a better router spoke",
      config: GROUPED,
      from: { ...backup, willing: true },
      input: heard(100),
      to: restarted,
    },
    {
      title: "stays willing when a worse router speaks",
      config: GROUPED,
      from: { ...backup, willing: true },
      input: heard(99),
      to: { ...preempting, willing: true },
    },
    { title: "waits anew when it is reconfigured", from: preempting, input: RECONFIGURED, to: restarted },
    { title: "ignores a timer before its deadline", from: backup, input: { type: "timer" }, to: backup },
  ]);
});

describe("in active (RFC 9568 §6.4.3)", () => {
  table([
    {
      title: "yields to a higher priority",
      from: active,
      input: heard(101),
      to: restarted,
      effects: [WITHDRAW],
    },
    {
      title: "yields to a higher priority without preemption too",
      config: NO_PREEMPT,
      from: active,
      input: heard(101),
      to: restarted,
      effects: [WITHDRAW],
    },
    {
      title: "yields to an equal priority with a greater address, compared as a number",
      from: active,
      input: heard(100, GREATER),
      to: restarted,
      effects: [WITHDRAW],
    },
    {
      title: "answers an equal priority with a smaller address",
      from: active,
      input: heard(100, SMALLER),
      to: { ...active, sentAt: NOW },
      effects: [send(100), REANNOUNCE],
    },
    {
      title: "answers a lower priority at once and keeps its schedule",
      from: active,
      input: heard(99, GREATER),
      to: { ...active, sentAt: NOW },
      effects: [send(100), REANNOUNCE],
    },
    {
      title: "does not answer a flood",
      from: { ...active, sentAt: after(NOW, micros(-9_999)) },
      input: heard(99),
      to: { ...active, sentAt: after(NOW, micros(-9_999)) },
      effects: [REANNOUNCE],
    },
    {
      title: "answers a priority of zero at once and restarts its schedule",
      from: active,
      input: heard(0, GREATER),
      to: activeNow,
      effects: [send(100)],
    },
    {
      title: "keeps the time of the router it yields to",
      from: active,
      input: heard(101, SMALLER, millis(1_000)),
      to: { ...backup, activeAdverInterval: millis(1_000), activeDownAt: after(NOW, micros(3_609_375)) },
      effects: [WITHDRAW],
    },
    {
      title: "sends priority zero before it withdraws on shutdown",
      from: active,
      input: { type: "shutdown" },
      to: initialize,
      effects: [send(0), WITHDRAW],
    },
    {
      title: "sends priority zero before it withdraws on a fault",
      from: active,
      input: FAULT,
      to: { ...initialize, obstacles: ["tracking-fault"] },
      effects: [send(0), WITHDRAW],
    },
    {
      title: "only withdraws when it has no address to send from",
      from: active,
      input: LOST,
      to: { ...initialize, address: undefined, obstacles: ["no-address"] },
      effects: [WITHDRAW],
    },
    {
      title: "advertises a new address at once",
      from: active,
      input: MOVED,
      to: { ...activeNow, address: GREATER },
      effects: [send(100)],
    },
    {
      title: "says nothing when the address is the same",
      from: active,
      input: { type: "address", address: OURS },
      to: active,
    },
    {
      title: "advertises a new priority at once",
      from: active,
      input: able(50),
      to: { ...activeNow, priority: 50 },
      effects: [send(50)],
    },
    {
      title: "is held by its group with priority zero",
      config: GROUPED,
      from: active,
      input: group("hold"),
      to: { ...initialize, obstacles: ["group-fault"] },
      effects: [send(0), WITHDRAW],
    },
    {
      title: "steps down for its group with priority zero",
      config: GROUPED,
      from: active,
      input: group("step-down"),
      to: restarted,
      effects: [send(0), WITHDRAW],
    },
    {
      title: "is active already when its group says so",
      config: GROUPED,
      from: active,
      input: group("become-active"),
      to: active,
    },
    {
      title: "advertises and announces anew when it is reconfigured",
      from: active,
      input: RECONFIGURED,
      to: activeNow,
      effects: [send(100), ANNOUNCE],
    },
    { title: "ignores a startup", from: active, input: { type: "startup" }, to: active },
    { title: "ignores a timer before its deadline", from: active, input: { type: "timer" }, to: active },
  ]);
});
