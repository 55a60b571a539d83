/** Says in words what a step of the machine changed and why: the one tap for events, logs and metrics. */
import type { IpAddress } from "#base/address";
import type { Instant } from "#base/time";
import { PRIORITY_OWNER } from "./constants.ts";
import type { BackupState, GroupCommand, Input, Obstacle, State } from "./state.ts";

/** Why a router changed its state. Each is also the `cause` label of the transition counter. */
export const TRANSITION_CAUSES = [
  "startup",
  /** It owns the addresses and need not listen first. */
  "owner",
  /** An earlier run of the program was active here a moment ago. */
  "resumed",
  "shutdown",
  /** The active router fell silent, or there was none. */
  "active-down-timer",
  "priority-zero-received",
  /** It is better than the router that was active. */
  "preemption",
  "preempt-delay-over",
  "higher-priority-advertisement",
  /** Equal priority, and the other one's address is greater. */
  "greater-address-advertisement",
  "tracking-fault",
  "tracking-recovered",
  "address-lost",
  "address-gained",
  "group-become-active",
  "group-step-down",
  "group-hold",
  "group-release",
  "reconfigured",
] as const;
/** Why a router changed its state. */
export type TransitionCause = (typeof TRANSITION_CAUSES)[number];

/** One change of state. */
export type Transition = {
  readonly from: State["name"];
  readonly to: State["name"];
  readonly cause: TransitionCause;
  /** The router whose advertisement was the cause; `undefined` when it was something else. */
  readonly peer?: IpAddress;
};

const CAUSE_BY_GROUP_COMMAND: Readonly<Record<GroupCommand, TransitionCause>> = {
  "become-active": "group-become-active",
  "step-down": "group-step-down",
  hold: "group-hold",
  release: "group-release",
};

const CAUSE_BY_OBSTACLE_ADDED: Readonly<Record<Obstacle, TransitionCause>> = {
  "not-started": "shutdown",
  "no-address": "address-lost",
  "tracking-fault": "tracking-fault",
  "group-fault": "group-hold",
};

const CAUSE_BY_OBSTACLE_REMOVED: Readonly<Record<Obstacle, TransitionCause>> = {
  "not-started": "startup",
  "no-address": "address-gained",
  "tracking-fault": "tracking-recovered",
  "group-fault": "group-release",
};

const causeOfTimer = (before: BackupState, now: Instant): TransitionCause => {
  if (before.preemptAt !== undefined && now >= before.preemptAt) return "preempt-delay-over";
  if (before.expectation === "preemption" && before.preemptAt === undefined) return "preemption";
  return before.expectation === "resignation" ? "priority-zero-received" : "active-down-timer";
};

const causeOf = (before: State, input: Input, after: State, now: Instant): TransitionCause => {
  if (input.type === "group") return CAUSE_BY_GROUP_COMMAND[input.command];
  if (input.type === "reconfigured") return "reconfigured";
  if (after.name === "initialize") return CAUSE_BY_OBSTACLE_ADDED[after.obstacles[0] ?? "not-started"];
  if (after.name === "active" && after.priority === PRIORITY_OWNER && input.type !== "timer") return "owner";
  if (input.type === "startup" && after.name === "active") return "resumed";
  if (before.name === "initialize") return CAUSE_BY_OBSTACLE_REMOVED[before.obstacles[0] ?? "not-started"];
  if (before.name === "backup") return causeOfTimer(before, now);
  return input.type === "advertisement" && input.priority === before.priority
    ? "greater-address-advertisement"
    : "higher-priority-advertisement";
};

/** The change between the states before and after a step at `now`; `undefined` if the name is still the same. */
export const transitionBetween = (
  before: State,
  input: Input,
  after: State,
  now: Instant,
): Transition | undefined => {
  if (before.name === after.name) return undefined;
  const transition = { from: before.name, to: after.name, cause: causeOf(before, input, after, now) };
  return input.type === "advertisement" ? { ...transition, peer: input.source } : transition;
};
