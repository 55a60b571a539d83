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
 *        |    or resuming  |          |                  |
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
 * `transitions.ts` has the ways into each state, `hearing.ts` what an advertisement does.
 *
 * Pure: no sockets, no clock, no timers. The caller passes `now`, performs the returned effects in order, and
 * calls `step` with a `timer` input no later than `deadline`. A timer that comes early changes nothing.
 *
 * Late wake-ups (a stopped process, a stalled host): the caller must read what is queued on its socket *before*
 * it delivers `timer`. An advertisement counts as heard when it is delivered, even if the deadline has passed by
 * then, so a peer that spoke meanwhile is believed before silence is.
 */
import type { IpAddress } from "#base/address";
import { unreachable } from "#base/assert";
import { after, earliest, type Instant, micros } from "#base/time";
import { PRIORITY_OWNER } from "./constants.ts";
import { stepAdvertisement } from "./hearing.ts";
import type { GroupCommand, Input, MachineConfig, Standing, State, Step } from "./state.ts";
import { skewTime } from "./timers.ts";
import {
  ANNOUNCE,
  add,
  adoptedInterval,
  advertise,
  claim,
  enterActive,
  enterBackup,
  RESIGN,
  remove,
  startUp,
  timersOf,
  unchanged,
  WITHDRAW,
} from "./transitions.ts";

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
      return startUp(config, state, { resume: input.resume, now });
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
