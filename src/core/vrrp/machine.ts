/**
 * The VRRP state machine of one virtual router (RFC 9568 §6.4).
 *
 * ```
 *                        +--------------+
 *        +-------------->|  initialize  |<---------------+
 *        |               | (obstacles)  |                |
 *        |               +--------------+                |
 *        | shutdown,       |          |  no obstacle     | shutdown,
 *        | fault           |          |  left and not    | fault
 *        |    no obstacle  |          |  the owner       | (priority 0
 *        |    left, owner  |          |                  |  is sent)
 *        |                 |          v                  |
 *        |                 |   +----------------+        |
 *        |                 |   |     backup     |--------+ (without priority 0)
 *        |                 |   +----------------+
 *        |                 |     |            ^
 *        |  silence, or a  |     |            |  a better router is heard,
 *        |  worse router   |     |            |  or the sync group steps down
 *        |  is preempted   v     v            |
 *        |               +----------------------+
 *        +---------------|        active        |
 *                        +----------------------+
 * ```
 *
 * Pure: no sockets, no clock, no timers. The caller passes `now`, performs the returned effects in order, and
 * calls `step` with a `timer` input no later than `deadline`. A timer that comes early changes nothing.
 *
 * Late wake-ups (a stopped process, a stalled host): the caller must read what is queued on its socket *before*
 * it delivers `timer`. An advertisement counts as heard when it is delivered, even if the deadline has passed by
 * then, so a peer that spoke meanwhile is believed before silence is.
 */
import { compareAddresses, type IpAddress } from "#base/address";
import { unreachable } from "#base/assert";
import { after, type Duration, earliest, type Instant, micros } from "#base/time";
import { CENTISECOND, PRIORITY_LEAVING, PRIORITY_OWNER } from "./constants.ts";
import type {
  ActiveState,
  BackupState,
  Effect,
  GroupCommand,
  HeardAdvertisement,
  Input,
  MachineConfig,
  Obstacle,
  Standing,
  State,
  Step,
} from "./state.ts";
import { activeDownInterval, skewTime } from "./timers.ts";

/** A router that has not been started and has no address yet. */
export const initialState = (config: MachineConfig): State => ({
  name: "initialize",
  priority: config.priority,
  address: undefined,
  obstacles: ["not-started", "no-address"],
});

/** When `timer` must be delivered at the latest; `undefined` means only other inputs matter. */
export const deadline = (state: State): Instant | undefined => {
  if (state.name === "active") return state.adverAt;
  return state.name === "backup" ? earliest(state.activeDownAt, state.preemptAt) : undefined;
};

/** The new state and the effects of one input. */
export const step = (config: MachineConfig, state: State, input: Input, now: Instant): Step => {
  switch (input.type) {
    case "startup":
      return remove(config, state, "not-started", now);
    case "shutdown":
      return add(state, "not-started");
    case "timer":
      return stepTimer(config, state, now);
    case "advertisement":
      return stepAdvertisement(config, state, input, now);
    case "tracking":
      return stepTracking(config, state, input.standing, now);
    case "address":
      return stepAddress(config, state, input.address, now);
    case "group":
      return stepGroup(config, state, input.command, now);
    case "reconfigured":
      return stepReconfigured(config, state, now);
    default:
      return unreachable(input);
  }
};

const unchanged = (state: State): Step => ({ state, effects: [] });

const RESIGN: Effect = { type: "send-advertisement", priority: PRIORITY_LEAVING };
const ANNOUNCE: Effect = { type: "announce-addresses" };
const REANNOUNCE: Effect = { type: "reannounce-addresses" };
const WITHDRAW: Effect = { type: "withdraw-addresses" };

type Candidate = { readonly priority: number; readonly address: IpAddress };

const timersOf = (config: MachineConfig, priority: number, activeAdverInterval: Duration) => ({
  version: config.version,
  priority,
  activeAdverInterval,
});

/** Version 3 backups keep the time of the router that is active, version 2 backups their own (RFC 3768 §6.1). */
const adoptedInterval = (config: MachineConfig, advertised: Duration): Duration =>
  config.version === 3 ? advertised : config.advertisementInterval;

const enterBackup = (
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

const enterActive = (config: MachineConfig, { priority, address }: Candidate, now: Instant): Step => ({
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
const claim = (config: MachineConfig, state: BackupState, now: Instant): Step => {
  if (config.syncGroup === undefined) return enterActive(config, state, now);
  return unchanged({ ...enterBackup(config, state, state.activeAdverInterval, now), willing: true });
};

/** RFC 9568 §6.4.1: the owner is active at once, any other router listens first. */
const enter = (config: MachineConfig, candidate: Candidate, now: Instant): Step => {
  const backup = enterBackup(config, candidate, config.advertisementInterval, now);
  return candidate.priority === PRIORITY_OWNER ? claim(config, backup, now) : unchanged(backup);
};

/** Takes no further part. An active router says so, that the others need not wait (RFC 9568 §6.4.3). */
const add = (state: State, obstacle: Obstacle): Step => {
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

const remove = (config: MachineConfig, state: State, obstacle: Obstacle, now: Instant): Step => {
  if (state.name !== "initialize") return unchanged(state);
  const obstacles = state.obstacles.filter((other) => other !== obstacle);
  const { priority, address } = state;
  if (obstacles.length > 0 || address === undefined) return unchanged({ ...state, obstacles });
  return enter(config, { priority, address }, now);
};

const stepTimer = (config: MachineConfig, state: State, now: Instant): Step => {
  const due = deadline(state);
  if (due === undefined || now < due) return unchanged(state);
  if (state.name === "backup") return claim(config, state, now);
  if (state.name !== "active") return unchanged(state);
  return advertise(state, nextAdvertisement(config, state.adverAt, now), now);
};

/** One interval after the last one was due, so that lateness does not add up; what was slept through is skipped. */
const nextAdvertisement = (config: MachineConfig, adverAt: Instant, now: Instant): Instant => {
  const next = after(adverAt, config.advertisementInterval);
  return next > now ? next : after(now, config.advertisementInterval);
};

const advertise = (state: ActiveState, adverAt: Instant, now: Instant): Step => ({
  state: { ...state, adverAt, sentAt: now },
  effects: [{ type: "send-advertisement", priority: state.priority }],
});

const stepAdvertisement = (
  config: MachineConfig,
  state: State,
  heard: HeardAdvertisement,
  now: Instant,
): Step => {
  switch (state.name) {
    case "initialize":
      return unchanged(state);
    case "backup":
      return unchanged(hearAsBackup(config, state, heard, now));
    case "active":
      return hearAsActive(config, state, heard, now);
  }
};

/** RFC 9568 §6.4.2. An equal priority keeps a backup quiet whatever the addresses are. */
const hearAsBackup = (
  config: MachineConfig,
  state: BackupState,
  heard: HeardAdvertisement,
  now: Instant,
): BackupState => {
  if (heard.priority === PRIORITY_LEAVING) {
    const skew = skewTime(timersOf(config, state.priority, state.activeAdverInterval));
    // Never later than planned: repeated resignations must not keep everyone waiting.
    const activeDownAt = earliest(state.activeDownAt, after(now, skew)) ?? state.activeDownAt;
    return { ...state, activeDownAt, expectation: "resignation", preemptAt: undefined };
  }
  const interval = adoptedInterval(config, heard.advertisementInterval);
  if (!config.preempt || heard.priority >= state.priority) return enterBackup(config, state, interval, now);
  if (config.preemptDelay === 0) return { ...state, expectation: "preemption" };
  // Not in the RFC: a worse router that lives keeps the addresses until the delay is over, and no longer.
  return {
    ...enterBackup(config, state, interval, now),
    expectation: "preemption",
    preemptAt: state.preemptAt ?? after(now, config.preemptDelay),
    willing: state.willing,
  };
};

/** Whether the other router has the better right to be active (RFC 9568 §6.4.3). */
const yieldsTo = (state: ActiveState, heard: HeardAdvertisement): boolean =>
  heard.priority > state.priority ||
  (heard.priority === state.priority && compareAddresses(heard.source, state.address) > 0);

const hearAsActive = (
  config: MachineConfig,
  state: ActiveState,
  heard: HeardAdvertisement,
  now: Instant,
): Step => {
  // A flood is not answered faster than the protocol's fastest interval.
  const answerAt = after(state.sentAt, CENTISECOND);
  if (heard.priority === PRIORITY_LEAVING) {
    if (now < answerAt)
      return unchanged({ ...state, adverAt: earliest(state.adverAt, answerAt) ?? answerAt });
    return advertise(state, after(now, config.advertisementInterval), now);
  }
  if (yieldsTo(state, heard)) {
    const interval = adoptedInterval(config, heard.advertisementInterval);
    return { state: enterBackup(config, state, interval, now), effects: [WITHDRAW] };
  }
  // Our advertisement makes the other router give up and bridges learn again where we are (RFC 9568 §6.4.3).
  if (now < answerAt) return { state, effects: [REANNOUNCE] };
  const answer = advertise(state, state.adverAt, now);
  return { state: answer.state, effects: [...answer.effects, REANNOUNCE] };
};

const stepTracking = (config: MachineConfig, state: State, standing: Standing, now: Instant): Step => {
  if (standing.type === "fault") return add(state, "tracking-fault");
  const { priority } = standing;
  if (state.name === "initialize") return remove(config, { ...state, priority }, "tracking-fault", now);
  if (priority === state.priority) return unchanged(state);
  const changed = { ...state, priority };
  if (changed.name === "active") {
    return advertise(changed, after(now, config.advertisementInterval), now);
  }
  if (priority === PRIORITY_OWNER) return claim(config, changed, now);
  // The silence already endured counts; only the skew differs.
  const skew = (of: number) => skewTime(timersOf(config, of, changed.activeAdverInterval));
  const activeDownAt = after(changed.activeDownAt, micros(skew(priority) - skew(state.priority)));
  return unchanged({ ...changed, activeDownAt });
};

const stepAddress = (
  config: MachineConfig,
  state: State,
  address: IpAddress | undefined,
  now: Instant,
): Step => {
  if (address === undefined) {
    const stopped = add(state, "no-address").state;
    // Without a source address there is nothing to say priority zero from.
    return {
      state: stopped.name === "initialize" ? { ...stopped, address } : stopped,
      effects: state.name === "active" ? [WITHDRAW] : [],
    };
  }
  if (state.name === "initialize") return remove(config, { ...state, address }, "no-address", now);
  if (address === state.address) return unchanged(state);
  const changed = { ...state, address };
  if (changed.name === "backup") return unchanged(changed);
  return advertise(changed, after(now, config.advertisementInterval), now);
};

const stepGroup = (config: MachineConfig, state: State, command: GroupCommand, now: Instant): Step => {
  switch (command) {
    case "hold":
      return add(state, "group-fault");
    case "release":
      return remove(config, state, "group-fault", now);
    case "become-active":
      return state.name === "backup" ? enterActive(config, state, now) : unchanged(state);
    case "step-down": {
      if (state.name === "initialize") return unchanged(state);
      const backup = enterBackup(config, state, config.advertisementInterval, now);
      return { state: backup, effects: state.name === "active" ? [RESIGN, WITHDRAW] : [] };
    }
  }
};

const stepReconfigured = (config: MachineConfig, state: State, now: Instant): Step => {
  if (state.name === "initialize") {
    return config.syncGroup === undefined ? remove(config, state, "group-fault", now) : unchanged(state);
  }
  if (state.name === "backup") {
    const interval = adoptedInterval(config, state.activeAdverInterval);
    return unchanged(enterBackup(config, state, interval, now));
  }
  const { state: active, effects } = advertise(state, after(now, config.advertisementInterval), now);
  return { state: active, effects: [...effects, ANNOUNCE] };
};
