/**
 * Kubernetes' own vocabulary, as far as we use it (metadata, label selectors, conditions), and the patience that an API
 * server wants: waits that grow after failures, and a queue that writes the newest value of each key at a bounded rate.
 *
 * Pure; the client that speaks to an API server is `drivers/kubernetes`. Only what some part of ours reads is kept of an
 * object, so that ten thousand of them fit in a few megabytes. Start with `meta.ts`; for writing with `work-queue.ts`, whose
 * waits are those of `backoff.ts`.
 */
export {};
