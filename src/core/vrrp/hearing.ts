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
import { advertisesVirtually } from "./virtual-mac.ts";

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

/**
 * Not in the RFC: whoever yields tells that it was active. The better router may never have heard it, as after a
 * partition, and hears now that neighbours may have learnt another place for the addresses. With the virtual MAC address
 * they have learnt nothing else, and bridges would learn from this word that we are the place.
 */
const lastWord = (config: MachineConfig, { priority }: ActiveState): readonly Effect[] =>
  advertisesVirtually(config) ? [] : [{ type: "send-advertisement", priority }];

const hearAsActive = (
  config: MachineConfig,
  state: ActiveState,
  heard: HeardAdvertisement,
  now: Instant,
): Step => {
  if (yieldsTo(state, heard)) {
    const interval = adoptedInterval(config, heard.advertisementInterval);
    const backup = enterBackup(config, state, interval, now);
    return { state: backup, effects: [WITHDRAW, ...lastWord(config, state)] };
  }
  // A flood is not answered faster than the protocol's fastest interval, but in the end it is.
  const answerAt = after(state.sentAt, CENTISECOND);
  if (now < answerAt) {
    const adverAt = earliest(state.adverAt, answerAt) ?? answerAt;
    return { state: { ...state, adverAt }, effects: [REANNOUNCE] };
  }
  // Our advertisement makes the other router give up and bridges learn again where we are (RFC 9568 §6.4.3).
  const isLeaving = heard.priority === PRIORITY_LEAVING;
  const answer = advertise(state, isLeaving ? after(now, config.advertisementInterval) : state.adverAt, now);
  return { state: answer.state, effects: [...answer.effects, REANNOUNCE] };
};
