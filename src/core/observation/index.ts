/**
 * The observation tap's vocabulary: what can happen (`event.ts`), what is true after it (`view.ts`), and how it is
 * said to people (`sentence.ts`).
 *
 * Left out: nothing is measured here; durations and counters are derived by whoever reads the events.
 * Start reading at `event.ts`.
 */
export {};
