/**
 * Whether an address was ever used: a machine that has it before its first use keeps it, and the Service may be given another one. One
 * that has been in use must not be taken from a Service because a stranger answers while it moves.
 *
 * What was there when this process started counts as used; so does what another node may have held, whether or not that was heard.
 */
import type { IpAddress } from "#base/address";
import { after, type Duration, type Instant, seconds } from "#base/time";
import { initialEntry } from "./entry.ts";
import type { Entry, Memory } from "./state.ts";

/** An address that has just been told, and who may hold it has not; one that was there before this node knew all is none that nobody has used. */
export const newEntry = (address: IpAddress, past: "unknown" | "known", now: Instant): Entry => {
  const entry = initialEntry(address, [], now);
  return past === "known" ? { ...entry, memory: { ...entry.memory, unusedSince: now } } : entry;
};

/** A placement that is corrected so soon has led to nothing. */
const FIRST_THOUGHT: Duration = seconds(1);

/** Since when an address that has these candidates from now on is unused; `undefined` if it may have been used. */
export const unusedSince = (
  before: Pick<Entry, "candidates" | "memory">,
  candidates: readonly string[],
  now: Instant,
): Instant | undefined => {
  const since = before.memory.unusedSince;
  if (since === undefined || before.candidates.length === 0) return since === undefined ? since : now;
  const isAnother = before.candidates[0] !== candidates[0];
  return isAnother && now > after(since, FIRST_THOUGHT) ? undefined : since;
};

/** Whether a claim of it is its first use, as far as this node knows: it is the first choice, and nobody was known to hold it. */
export const isFirstUse = ({ state, candidates, memory }: Entry, self: string): boolean =>
  state.name === "claiming" &&
  state.cause === "unheld" &&
  candidates[0] === self &&
  memory.unusedSince !== undefined;

/** It is in use from now on. */
export const used = (memory: Memory): Memory =>
  memory.unusedSince === undefined ? memory : { ...memory, unusedSince: undefined };
