/**
 * Health: whether a backend may take traffic, and whether a tracked script counts as working.
 *
 * No standard covers this; the words (interval, timeout, retries, rise, fall) are those operators know from keepalived
 * and HAProxy. The machine decides when to ask and what the answers mean; `src/drivers/check` asks.
 *
 * Left out on purpose: passive checks from live traffic (the kernel forwards it, we never see it), agent checks that
 * set weights (weights are the operator's), and slow start (a consistent hash would move flows at every step of it).
 *
 * Start with `machine.ts`; `schedule.ts` says when rounds start, `worst-case.ts` how long a removal can take.
 */
export {};
