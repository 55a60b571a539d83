/** The machine's monotonic clock. */
import { type Instant, instant } from "#base/time";

/** Now, by the clock that every process on this machine shares. */
export const monotonicNow = (): Instant => instant(Number(process.hrtime.bigint() / 1_000n));
