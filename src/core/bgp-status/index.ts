/**
 * `ServiceBGPStatus`: which peers a node is to tell of a Service, as objects that `kubectl get` shows.
 *
 * MetalLB has one object for each Service and announcing node, and so have we: the same labels and fields, so that what reads its
 * objects reads ours. As there, `status.peers` says what is intended; which sessions are up is in the report of each speaker
 * (`core/speaker-report`), since a session that comes and goes must not rewrite an object for each Service.
 *
 * Differs from MetalLB: names are computed, not random, so that a create that was sent twice makes one object.
 *
 * Start with `plan.ts`.
 */
export {};
