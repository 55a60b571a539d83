/**
 * EndpointSlices: where the endpoints of a Service are, and whether they serve.
 *
 * A slice of a hundred endpoints is kept as a count for each node: what decides who may answer for an address is on which
 * nodes something serves. So ten thousand slices weigh a few megabytes, and a slice whose pods only changed their addresses
 * is the same as before. Whoever forwards to the endpoints themselves needs another projection.
 *
 * `read.ts` never throws: a field of the wrong type counts as absent. Start with `endpoint-slice.ts`; `by-service.ts` sums slices up for each Service.
 */
export {};
