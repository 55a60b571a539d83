/**
 * BGP by an FRR that is there already: what the speaker is told becomes FRR's configuration, and stays it.
 *
 * ```ts
 * const engine = new FrrEngine(parts)               // engine.ts; the same face as `#runtime/bgp/speaker`, as far as it goes
 * engine.setSettings(settings, now)
 * engine.setPeers(words, now) / route({ changed, removed }) / routesComplete()
 * engine.peers()                                    // how each peer is, as FRR says
 * engine.leave({ reason }, done) / close()
 * removeFromFrr(frr)                                // removing.ts: where no engine runs any more
 * ```
 *
 * Every few seconds, and soon after every change, it reads what FRR runs with, plans (`#core/frr`), enters what is missing or too much, and
 * reads again. So an FRR that was started again, or whose configuration was reloaded or changed by hand, has our part again within
 * seconds. Nothing is touched before everything was told: until then FRR goes on with what it had of an earlier process. Nothing is saved in
 * FRR's own files; `write memory` by somebody else does no harm, since what was saved is ours by its name and found again.
 *
 * At the end of a process that will be back FRR is left as it is. Killed, the process leaves the routes announced.
 *
 * Start at `engine.ts`; one round is `round.ts`.
 */
export {};
