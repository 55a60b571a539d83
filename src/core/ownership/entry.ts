/** An address of which nothing is known yet. */
import type { IpAddress } from "#base/address";
import { type Instant, instant, micros } from "#base/time";
import type { Entry, Memory } from "./state.ts";

const LONG_AGO: Instant = instant(Number.NEGATIVE_INFINITY);

const NO_MEMORY: Memory = {
  holder: undefined,
  holderAt: LONG_AGO,
  mute: undefined,
  contest: undefined,
  settledAt: LONG_AGO,
  restrainedUntil: LONG_AGO,
  restraint: micros(0),
  givenWay: undefined,
  takenAt: [],
  isFlapping: false,
  stranger: undefined,
  unusedSince: undefined,
};

/** An address that has just become known. Nothing is known of it, not even whether this node can carry it. */
export const initialEntry = (address: IpAddress, candidates: readonly string[], now: Instant): Entry => ({
  address,
  candidates,
  fitness: "unknown",
  state: { name: "standby", since: now, waitsFor: [], until: undefined, isFirst: false },
  memory: NO_MEMORY,
});
