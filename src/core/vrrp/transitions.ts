/** What the steps of the machine are made of: the ways into each state, and what is done on them. */
import type { IpAddress } from "#base/address";
import { after, type Duration, type Instant } from "#base/time";
import { PRIORITY_LEAVING, PRIORITY_OWNER } from "./constants.ts";
import type { ActiveState, BackupState, Effect, MachineConfig, Obstacle, State, Step } from "./state.ts";
import { activeDownInterval } from "./timers.ts";

/** Stays, and does nothing. */
export const unchanged = (state: State): Step => ({ state, effects: [] });

/** Says that it leaves, so that the others need not wait. */
export const RESIGN: Effect = { type: "send-advertisement", priority: PRIORITY_LEAVING };
/** Take the addresses and tell the network. */
export const ANNOUNCE: Effect = { type: "announce-addresses" };
/** Gives the addresses up. */
export const WITHDRAW: Effect = { type: "withdraw-addresses" };

type Candidate = { readonly priority: number; readonly address: IpAddress };

/** What the timers of a router with this priority depend on. */
export const timersOf = (config: MachineConfig, priority: number, activeAdverInterval: Duration) => ({
  version: config.version,
  priority,
  activeAdverInterval,
});

/** Version 3 backups keep the time of the router that is active, version 2 backups their own (RFC 3768 §6.1). */
export const adoptedInterval = (config: MachineConfig, advertised: Duration): Duration =>
  config.version === 3 ? advertised : config.advertisementInterval;

/** A backup that begins to listen at `now`. */
export const enterBackup = (
  config: MachineConfig,
  { priority, address }: Candidate,
  interval: Duration,
  now: Instant,
): BackupState => ({
  name: "backup",
  priority,
  address,
  activeAdverInterval: interval,
  activeDownAt: after(now, activeDownInterval(timersOf(config, priority, interval))),
  expectation: "silence",
  preemptAt: undefined,
  willing: false,
});

/** Takes the addresses and says so. */
export const enterActive = (config: MachineConfig, { priority, address }: Candidate, now: Instant): Step => ({
  state: {
    name: "active",
    priority,
    address,
    adverAt: after(now, config.advertisementInterval),
    sentAt: now,
  },
  effects: [{ type: "send-advertisement", priority }, ANNOUNCE],
});

/** Goes active, or in a sync group says that it would (`willing`) and waits for the group's command. */
export const claim = (config: MachineConfig, state: BackupState, now: Instant): Step => {
  if (config.syncGroup === undefined) return enterActive(config, state, now);
  return unchanged({ ...enterBackup(config, state, state.activeAdverInterval, now), willing: true });
};

/** RFC 9568 §6.4.1: the owner is active at once, any other router listens first. */
const enter = (config: MachineConfig, candidate: Candidate, now: Instant): Step => {
  const backup = enterBackup(config, candidate, config.advertisementInterval, now);
  return candidate.priority === PRIORITY_OWNER ? claim(config, backup, now) : unchanged(backup);
};

/** Takes no further part. An active router says so, that the others need not wait (RFC 9568 §6.4.3). */
export const add = (state: State, obstacle: Obstacle): Step => {
  if (state.name === "initialize") {
    if (state.obstacles.includes(obstacle)) return unchanged(state);
    return unchanged({ ...state, obstacles: [...state.obstacles, obstacle] });
  }
  const { priority, address } = state;
  return {
    state: { name: "initialize", priority, address, obstacles: [obstacle] },
    effects: state.name === "active" ? [RESIGN, WITHDRAW] : [],
  };
};

/** One thing less that keeps it out; when nothing is left it takes part. */
export const remove = (config: MachineConfig, state: State, obstacle: Obstacle, now: Instant): Step => {
  if (state.name !== "initialize") return unchanged(state);
  const obstacles = state.obstacles.filter((other) => other !== obstacle);
  const { priority, address } = state;
  if (obstacles.length > 0 || address === undefined) return unchanged({ ...state, obstacles });
  return enter(config, { priority, address }, now);
};

/** Says that it is active, and again at `adverAt`. */
export const advertise = (state: ActiveState, adverAt: Instant, now: Instant): Step => ({
  state: { ...state, adverAt, sentAt: now },
  effects: [{ type: "send-advertisement", priority: state.priority }],
});

/**
 * Takes part from now on. With `resume` it goes on being active at once, also in a sync group, whose members resume
 * together: an earlier run of the program was active here a moment ago (`resume.ts`).
 */
export const startUp = (
  config: MachineConfig,
  state: State,
  { resume = false, now }: { readonly resume?: boolean | undefined; readonly now: Instant },
): Step => {
  const { address, priority } = state;
  const isReady = state.name === "initialize" && state.obstacles.every((other) => other === "not-started");
  if (resume && isReady && address !== undefined) return enterActive(config, { priority, address }, now);
  return remove(config, state, "not-started", now);
};
