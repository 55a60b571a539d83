/** A client stays on its backend as long as it comes back in time. */
import type { Duration } from "#base/time";

export type Persistence = {
  /** From the last new flow of a client. */
  readonly timeout: Duration;
  /** Addresses that share this many leading bits are one client. */
  readonly prefixLength: number;
};

export const samePersistence = (left: Persistence | undefined, right: Persistence | undefined): boolean =>
  left?.timeout === right?.timeout && left?.prefixLength === right?.prefixLength;
