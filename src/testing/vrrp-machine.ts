/** States, inputs and effects for tests of the VRRP machine: one router of priority 100 at one instant. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { after, instant, micros, millis, seconds } from "#base/time";
import { step } from "#core/vrrp/machine";
import type {
  ActiveState,
  BackupState,
  Effect,
  GroupCommand,
  InitializeState,
  Input,
  MachineConfig,
  State,
} from "#core/vrrp/state";
import { address, virtualRouter } from "./values.ts";

/** When every step of these tests happens. */
export const NOW = instant(1_000_000_000);
/** Primary address of the router under test. */
export const OURS = address("192.0.2.5");
/** A peer that wins a tie. */
export const GREATER = address("192.0.2.10");
/** A peer that loses a tie. */
export const SMALLER = address("192.0.2.4");
/** Everybody's advertisement interval. */
export const INTERVAL = millis(200);

/** Priority 100, preempting at once, alone. */
export const CONFIG: MachineConfig = virtualRouter({ priority: 100, advertisementInterval: INTERVAL });
/** Owns the addresses. */
export const OWNER = { ...CONFIG, priority: 255 };
/** Leaves a worse router in peace. */
export const NO_PREEMPT = { ...CONFIG, preempt: false };
/** Waits five seconds before it preempts. */
export const PATIENT = { ...CONFIG, preemptDelay: seconds(5) };
/** Member of a sync group. */
export const GROUPED = { ...CONFIG, syncGroup: "g" };
/** Speaks version 2, once a second. */
export const VERSION_2 = { ...CONFIG, version: 2 as const, advertisementInterval: seconds(1) };

/** 3 x 200 ms + (256 - 100) x 200 ms / 256. */
export const DOWN = micros(721_875);
/** (256 - 100) x 200 ms / 256. */
export const SKEW = micros(121_875);

/** Not started yet, nothing else in the way. */
export const initialize: InitializeState = {
  name: "initialize",
  priority: 100,
  address: OURS,
  obstacles: ["not-started"],
};
/** Heard an advertisement some time ago. */
export const backup: BackupState = {
  name: "backup",
  priority: 100,
  address: OURS,
  activeAdverInterval: INTERVAL,
  activeDownAt: after(NOW, millis(400)),
  expectation: "silence",
  preemptAt: undefined,
  willing: false,
};
/** Between two advertisements. */
export const active: ActiveState = {
  name: "active",
  priority: 100,
  address: OURS,
  adverAt: after(NOW, millis(50)),
  sentAt: after(NOW, millis(-150)),
};

/** A backup that has just begun to wait. */
export const restarted: BackupState = { ...backup, activeDownAt: after(NOW, DOWN) };
/** An active router that has just advertised. */
export const activeNow: ActiveState = { ...active, adverAt: after(NOW, INTERVAL), sentAt: NOW };

/** The effect that advertises with this priority. */
export const send = (priority: number): Effect => ({ type: "send-advertisement", priority });
/** Take the addresses and tell the network. */
export const ANNOUNCE: Effect = { type: "announce-addresses" };
/** Tell the network again. */
export const REANNOUNCE: Effect = { type: "reannounce-addresses" };
/** Give the addresses up. */
export const WITHDRAW: Effect = { type: "withdraw-addresses" };

/** Another router's advertisement. */
export const heard = (priority: number, source = SMALLER, advertisementInterval = INTERVAL): Input => ({
  type: "advertisement",
  source,
  priority,
  advertisementInterval,
});
/** Tracking's verdict with this priority. */
export const able = (priority: number): Input => ({ type: "tracking", standing: { type: "able", priority } });
/** Tracking's verdict that takes the router out. */
export const FAULT: Input = { type: "tracking", standing: { type: "fault" } };
/** The interface has lost its address. */
export const LOST: Input = { type: "address", address: undefined };
/** The interface has another address. */
export const MOVED: Input = { type: "address", address: GREATER };
/** The configuration has changed. */
export const RECONFIGURED: Input = { type: "reconfigured" };
/** An order of the sync group. */
export const group = (command: GroupCommand): Input => ({
  type: "group",
  command,
});

/** One transition: its title is a sentence about the behaviour. */
export type Row = {
  readonly title: string;
  readonly config?: MachineConfig;
  readonly from: State;
  readonly input: Input;
  readonly to: State;
  readonly effects?: readonly Effect[];
};

/** One test for each row. */
export const table = (rows: readonly Row[]): void => {
  for (const { title, config = CONFIG, from, input, to, effects = [] } of rows) {
    it(title, () => assert.deepEqual(step(config, from, input, NOW), { state: to, effects }));
  }
};
