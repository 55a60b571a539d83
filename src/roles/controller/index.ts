/**
 * `steelyard controller`: gives addresses to Services of type LoadBalancer, on a Kubernetes API server.
 *
 * One process; any number of replicas, of which one leads. Wiring only: `core/allocation` decides, `core/metallb` reads
 * pools, `drivers/kubernetes` talks to the API server. Every replica keeps its mirrors up to date, so that the next
 * leader begins at once; only the leader decides and writes.
 *
 * Start with `controller.ts`. `configuration-mirror.ts` and `service-mirror.ts` read the cluster, `ruling.ts` decides while it
 * leads, `writes.ts` carries out, `reports.ts` writes of pools, `shadow.ts` only compares, `tap.ts` tells of it.
 */
export {};
