/**
 * `steelyard controller`: gives addresses to Services of type LoadBalancer, on a Kubernetes API server.
 *
 * One process; any number of replicas, of which one leads. Wiring only: `core/allocation` decides, `core/metallb` reads
 * pools, `drivers/kubernetes` talks to the API server. Every replica keeps its mirrors up to date, so that the next
 * leader begins at once; only the leader decides and writes.
 *
 * Start with `controller.ts`. `service-mirror.ts` reads Services, `ruling.ts` decides while it leads, `reports.ts` writes of pools,
 * `shadow.ts` only compares, `tap.ts` tells of it. What a speaker needs as well is in `runtime/cluster`: the resources of pools, the queue of
 * writes, the pages.
 */
export {};
