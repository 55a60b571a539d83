/**
 * What a speaker writes into the cluster: who answers for which Service, whether that can be reached, the interfaces of its node,
 * machines that are not ours and answer all the same.
 *
 * Every object and every condition has one writer at a time, which each speaker finds by itself from what the API server shows to all
 * of them (`standing.ts` has the rules). Nothing is written that is there already. What cannot be written is decided anew on
 * what the mirror shows then; nothing that is written decides who answers.
 *
 * - `ServiceL2Status`, one for each Service and node that answers (`statuses.ts`): MetalLB's object.
 * - The conditions `steelyard.dev/Announced` and `steelyard.dev/Reachable` of Services (`conditions.ts`).
 * - The links of this node, as an annotation of its `ConfigurationState` (`link-report.ts`).
 * - `AddressConflict` for an address that somebody else has already (`conflicts.ts`): the controller then gives another one.
 * - Kubernetes Events on Services (`events.ts`).
 *
 * Start with `writers.ts`.
 */
export {};
