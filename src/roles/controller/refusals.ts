/** Waits before a Service is decided about again whose write the API server would not have: longer each time, one at a time. */
import { micros, seconds } from "#base/time";
import { type Backoff, backoffDelay } from "#core/kubernetes/backoff";
import type { ObjectKey } from "#core/kubernetes/meta";
import type { Cancel, Time } from "#drivers/kubernetes/time";

export type Refusals = {
  /** Calls `decideAgain` after a while, in place of the call for this key that was due before. */
  refused(key: ObjectKey, decideAgain: () => void): void;
  /** The key was written, or is gone: the next refusal is the first. */
  forget(key: ObjectKey): void;
  close(): void;
};

/** What was refused for what it says is refused the next time too, unless somebody changes a policy or a permission. */
const BACKOFF: Backoff = { first: seconds(5), most: seconds(300) };

/** Nothing refused yet. */
export const createRefusals = (clock: Pick<Time, "later" | "random">): Refusals => {
  const known = new Map<ObjectKey, { readonly failures: number; readonly cancel: Cancel }>();
  return {
    refused(key, decideAgain) {
      const before = known.get(key);
      before?.cancel();
      const failures = (before?.failures ?? 0) + 1;
      const delay = backoffDelay(BACKOFF, { failures, spread: clock.random() });
      known.set(key, { failures, cancel: clock.later(micros(delay), decideAgain) });
    },
    forget(key) {
      known.get(key)?.cancel();
      known.delete(key);
    },
    close() {
      for (const { cancel } of known.values()) cancel();
      known.clear();
    },
  };
};
