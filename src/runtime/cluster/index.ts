/**
 * What every program in a cluster needs beside the API server's client: which kinds there are (`resources.ts`), the resources of pools and
 * advertisements kept up to date and read as a whole (`configuration-mirror.ts`, `reading.ts`), a queue of writes and failures that are
 * told of once (`writes.ts`, `failures.ts`), its pages, metrics and log (`pages.ts`, `metric-families.ts`, `observation-log.ts`, `requests.ts`), and
 * the end of a burst of work (`bursts.ts`).
 */
export {};
