/**
 * Forwarding by IPVS, for those who rely on its schedulers.
 *
 * Standards: none; what IPVS does with a plan is in `#core/ipvs`.
 *
 * - `linux.ts`: the engine: compares, changes, repairs, keeps the sync daemon. Start reading here.
 * - `kernel.ts`: what it needs of IPVS; `socket.ts` is the real one, `fake.ts` one without a kernel.
 * - `inventory.ts`: which services there are, and whose; `record.ts` keeps on disk which are ours. Those of kube-proxy,
 *   keepalived and others are never touched, and a server whose service somebody else has made is refused.
 *
 * IPVS has no transactions: each change takes effect on its own, and a failure leaves those before it in place until
 * the next application. Changes by others are noticed by looking, since IPVS tells nobody. Left out: statistics, and
 * loading modules (the kernel does that itself when a family or scheduler is asked for).
 */
export {};
