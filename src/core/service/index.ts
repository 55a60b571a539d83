/**
 * Services of type LoadBalancer: what we keep of one, and how it is read from what the API server or a file holds.
 *
 * `read.ts` never throws: a field of the wrong type counts as absent. Start with `service.ts`.
 */
export {};
