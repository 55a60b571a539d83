/**
 * Layer 4 balancing: which backend gets which flow.
 *
 * Pure planning. `planForwarding` takes the virtual servers, the availability of their backends and the plan that
 * runs now, and gives the plan to run next; `#core/nftables` renders it, `#drivers/balance` applies it.
 *
 * - `model.ts`: virtual servers and backends as configured.
 * - `ports.ts`: one port, a range, or all.
 * - `plan.ts`, `plan-model.ts`: the planner and its result. Start reading here.
 * - `ring.ts`: the consistent-hash table (Maglev with rendezvous fallback), see docs/decisions/0005-consistent-hash.md.
 * - `schedule.ts`: round robin and weighted, as a cycle.
 * - `slots.ts`: who owns each slot, as a table that servers alike share.
 * - `moves.ts`: how established `dsr` flows stay with their backend while slots change owner.
 * - `jhash.ts`, `choice.ts`: the kernel's hash, to say in advance which backend a client gets.
 * - `source.ts`: the address that masqueraded connections come from. `alone.ts`: whose answers tell whose they are.
 * - `drain.ts`: backends on their way out. `persistence.ts`, `limits.ts`: how single clients are treated.
 * - `least.ts`: least connections, from counts that somebody else makes.
 *
 * Left out: carrying the clients that persistence keeps
 * over to another edge. Overlapping servers are refused by the configuration, not here.
 */
export {};
