/**
 * Kubernetes' own vocabulary, as far as we use it: metadata, label selectors, conditions.
 *
 * Pure values; the client that speaks to an API server is `drivers/kubernetes`. Only what some part of ours reads is kept of
 * an object, so that ten thousand of them fit in a few megabytes. Start with `meta.ts`.
 */
export {};
