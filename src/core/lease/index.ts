/**
 * Leader election by a Lease (coordination.k8s.io/v1): which one of several replicas acts.
 *
 * The leader renews the Lease; the others watch it change and take it when it has stood still for its whole duration *by
 * their own monotonic clocks*. The times written in it are for people: no clock is ever compared with another machine's, so
 * a clock that jumps makes nobody leader. The leader counts its term from before it sent the renewal, and gives up
 * earlier than any follower may take over, whether or not it can reach the API server. What is left to bound is how
 * differently two clocks run: with 15 s and 10 s they may differ by half.
 *
 * Whoever follows looks when the next renewal is due, and so takes over when the leader has been silent for the lease duration
 * and a tenth of the retry period, not a whole one: 15.2 s after its last renewal, 13.2 to 15.2 s after its death.
 *
 * Not promised: that a write which a leader sent in its last moment does not arrive after another has begun; writes must
 * carry a resourceVersion or be repeatable. A machine that is suspended as a whole does not see time pass unless the
 * caller's clock counts it; it gives up at its first look at the Lease. Nor this: if somebody deletes the Lease by hand and a
 * replica starts that has never seen it, that one leads at once while the old leader still believes to, until its next renewal
 * is refused (within a retry period and a little), or until its renew deadline if it is cut off. To rule that out, whoever finds
 * no Lease would have to wait a renew deadline, and so would every first installation, which looks just the same; whoever
 * wants another leader ends the leader's pod. Emptying `holderIdentity` by hand does the same as deleting.
 *
 * Left out: coordinated election (`strategy`, `preferredHolder`), in which the API server picks.
 *
 * Start with `machine.ts`; `record.ts` reads and writes the object; `simulation.test.ts` tries to make two leaders.
 */
export {};
