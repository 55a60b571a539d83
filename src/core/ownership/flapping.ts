/** Addresses that move too often: said once, and not taken back from a living holder meanwhile. */
import { after, type Instant, instant } from "#base/time";
import type { OwnershipConfig } from "./config.ts";
import type { Entry, Step } from "./state.ts";

/** Takes note that an address is taken at `now`. */
export const noteTake = (config: OwnershipConfig, entry: Entry, now: Instant): Step => {
  const { takes, within } = config.flapping;
  const takenAt = [...entry.memory.takenAt, now].slice(-takes);
  const first = takenAt[0] ?? now;
  const isFlapping = takenAt.length >= takes && now < after(first, within);
  const wasFlapping = entry.memory.isFlapping && now < calmAt(config, entry);
  const until = instant(Math.max(entry.memory.restrainedUntil, after(now, within)));
  const memory = {
    ...entry.memory,
    takenAt,
    isFlapping: isFlapping || wasFlapping,
    restrainedUntil: isFlapping ? until : entry.memory.restrainedUntil,
  };
  const { address } = entry;
  return {
    entry: { ...entry, memory },
    effects: isFlapping && !wasFlapping ? [{ type: "flapping", address }] : [],
  };
};

/** When a flapping address will have been quiet for long enough. */
export const calmAt = ({ flapping }: OwnershipConfig, { memory }: Entry): Instant =>
  after(memory.takenAt.at(-1) ?? instant(0), flapping.within);

/** Says that an address does not flap any more, if it is so. */
export const noteCalm = (config: OwnershipConfig, entry: Entry, now: Instant): Step => {
  if (!entry.memory.isFlapping || now < calmAt(config, entry)) return { entry, effects: [] };
  const memory = { ...entry.memory, isFlapping: false, takenAt: [] };
  return { entry: { ...entry, memory }, effects: [{ type: "calm", address: entry.address }] };
};
