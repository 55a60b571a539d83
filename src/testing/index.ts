/**
 * What tests stand on: time that moves only when told, a simulated network, golden files, ready-made values.
 *
 * Used by tests only. Everything is deterministic: randomness comes from a seed that a failing test prints.
 *
 * Start at `clock.ts` (who acts next), then `network.ts` (what happens to a packet on the way).
 */
export {};
