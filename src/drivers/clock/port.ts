/** The time, and being woken at one. */
import type { Instant } from "#base/time";

export type ClockPort = {
  now(): Instant;
  /**
   * Calls `onWake` once at `at`, never before it; at once, but never from within this call, when `at` has passed.
   * Replaces what was asked before; `undefined` asks for nothing.
   */
  wake(at: Instant | undefined): void;
  /** Stops for good; `onWake` is not called any more. */
  close(): void;
};

/** The kernel refused a timer, such as `EMFILE`. */
export type ClockError = { readonly code: string; readonly operation: string };

export type ClockResult =
  | { readonly ok: true; readonly value: ClockPort }
  | { readonly ok: false; readonly error: ClockError };
