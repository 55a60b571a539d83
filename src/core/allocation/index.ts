/**
 * Allocation: which Service of type LoadBalancer has which addresses, and what must be written for it to be seen.
 *
 * One machine holds the configuration and every Service as last observed, and answers each change with outcomes. It is
 * pure: no clock, no I/O, and the same calls in the same order give the same outcomes. Addresses are chosen in `core/ipam`.
 *
 * ```ts
 * createAllocation({ lbClass: string | undefined }): Allocation      // allocation.ts
 * allocation.configure({ pools, reservations, conflicts })           // readonly Outcome[]; a valid configuration, all of it
 * allocation.observe(service)                                        // readonly Outcome[]; new, changed, or to be decided again
 * allocation.unwritten(key)                                          // readonly Outcome[]; what was asked for did not and will not land
 * allocation.forget(key)                                             // readonly Outcome[]; the object is gone
 * allocation.synced()                                                // readonly Outcome[]; every Service was observed once
 * allocation.explain(key)                                            // Explanation | undefined (not known)
 * allocation.pools()                                                 // readonly PoolCounts[], by name
 * allocation.holderCounts()                                          // how many Services hold addresses, in all and by pool
 * allocation.holders()                                               // readonly AddressHolders[], by address
 * ```
 *
 * Rules for whoever drives it:
 *
 * - Before both `configure` and `synced` have been called nothing is given, cleared or written. `synced` may only be called
 *   when what was observed is at least as new as the moment in which this replica became leader, else an address that the
 *   one before gave away last could be given again. A replica that becomes leader starts with a new machine.
 * - An outcome is about the version that it names. Write it with that resourceVersion as a precondition; when the write
 *   fails or is refused, call `observe` with the newest version. A later outcome for a key replaces an earlier one that has
 *   not been sent yet; when the later one has no `write`, call `unwritten` once nothing about the key is on its way.
 * - `unwritten` is also for a write that was refused for another reason than a conflict, or of which nothing was heard and a
 *   read afterwards found the same version. It is never for a write that may have landed: until it is called, or another
 *   version is observed, the addresses of that write stay out of the hands of others.
 * - Versions of one object must be observed in the order in which they came about; any may be left out or repeated. Where
 *   Services come from files, whoever carries a write out gives the Service another resourceVersion.
 * - `configure` decides about every Service again (30 µs each): call it when something has changed.
 * - One call may give outcomes for several Services, each at most once, in the order in which they should be written.
 * - `write` is `undefined` when the object already says what it should. Events are given once, not with each repetition of a write.
 *
 * An address that a Service must give up stays with it until an observation shows that its status no longer lists it, and
 * that no write that was asked for before can still put it there. So the API server never shows one address at two Services
 * that may not share it, whatever writes are lost or late.
 *
 * Left out: probing for duplicates (conflicts are reported to `configure`), and writing.
 *
 * Start with `outcome.ts`, then `decide.ts`.
 */
export {};
