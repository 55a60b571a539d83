/**
 * The monotonic clock and one deadline on it, precise to tens of microseconds, on any thread.
 *
 * `setTimeout` counts in milliseconds and is late by one or two; a virtual router that advertises every 10 ms
 * needs better. The real clock is a timerfd on the thread's event loop.
 *
 * Whoever must not outlive what others believe of it counts on while the machine is suspended (CLOCK_BOOTTIME).
 *
 * Left out: many deadlines. Whoever has several wakes at the earliest and asks again.
 *
 * Start at `port.ts`.
 */
