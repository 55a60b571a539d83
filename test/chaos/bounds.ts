/** How long each fault may keep an address from its clients: what docs/operating.md states, in numbers. */
import type { Fault } from "./plan.ts";

/** Milliseconds: both edges' interval, and the skew of the one with priority 100 (RFC 9568 §6.1). */
const INTERVAL = 200;
const SKEW = ((256 - 100) / 256) * INTERVAL;
/** What a machine of two cores that plays nine hosts and their load may add to any of these. */
const SLACK = 400;

/** Nobody has to take over, or the former holder goes on until the next one does. */
export const UNTOUCHED = 250;
/** Three intervals, and the skew. */
export const TAKEOVER = Math.round(3 * INTERVAL + SKEW) + SLACK;
/** How long after somebody flushed the rules clients may be refused: until the kernel has told us and they are back. */
export const REPAIRED = 1_000;

/** The bound of a fault that meets whoever holds the address. */
export const boundOf = (fault: Fault): number => {
  switch (fault.type) {
    case "silence":
    case "link-down":
    case "loss":
      return TAKEOVER;
    case "flush":
      return REPAIRED;
    default:
      return UNTOUCHED;
  }
};
