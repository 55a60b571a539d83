/**
 * `ServiceL2Status`: which node answers for a Service, and on which interfaces, as objects that `kubectl get` shows.
 *
 * MetalLB has one object for each Service and announcing node, and so have we: the same labels and fields, so that what reads its
 * objects reads ours. The holder of a Service's addresses writes its own object and removes those that other nodes left:
 * a node that died can no longer do it.
 *
 * Differs from MetalLB: names are computed, not random, so that a create that was sent twice makes one object.
 *
 * Start with `plan.ts`.
 */
export {};
