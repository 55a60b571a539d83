/** What another router's advertisement does to the machine (RFC 9568 §6.4.2, §6.4.3). */
import { compareAddresses } from "#base/address";
import { after, earliest, type Instant } from "#base/time";
import { CENTISECOND, PRIORITY_LEAVING } from "./constants.ts";
import type {
  ActiveState,
  BackupState,
  Effect,
  HeardAdvertisement,
  MachineConfig,
  State,
  Step,
} from "./state.ts";
import { skewTime } from "./timers.ts";
import { adoptedInterval, advertise, enterBackup, timersOf, unchanged, WITHDRAW } from "./transitions.ts";

const REANNOUNCE: Effect = { type: "reannounce-addresses" };

/** The new state and the effects of an advertisement that was let in. */
export const stepAdvertisement = (
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
