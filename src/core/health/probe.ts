/** What one attempt to reach a subject gave, as the machine hears it and the prober says it. */
import type { Duration } from "#base/time";

/** Every reason for which an attempt may fail, in the order of the documentation. */
export const PROBE_FAILURES = [
  "timeout",
  "refused",
  "unreachable",
  "reset",
  "tls",
  "status",
  "protocol",
  "exit",
  "not-started",
  "overloaded",
] as const;

/**
 * Why an attempt failed. Each value is also the `reason` label of `steelyard_check_failures_total`.
 * All but `overloaded` speak against the subject: that one says that we ourselves had no means to ask.
 */
export type ProbeFailure = (typeof PROBE_FAILURES)[number];

/**
 * The failures that come from a machine which is there: it says no, or its kernel does for it. Such a kernel resets connections of
 * programs that have ended by itself; of one that is silent nobody does.
 */
const SAYS_NO: ReadonlySet<string> = new Set<ProbeFailure>(["status", "refused", "reset"]);

/** Whether an attempt that failed for this reason was answered all the same. */
export const saysNo = (reason: string): boolean => SAYS_NO.has(reason);

export type ProbeOutcome =
  | {
      readonly ok: true;
      readonly took: Duration;
      /** What the success does not show, for people. */
      readonly note?: string;
    }
  | { readonly ok: false; readonly reason: ProbeFailure; readonly detail: string; readonly took: Duration };
