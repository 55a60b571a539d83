/**
 * The HTTPS server that the API server asks: AdmissionReview (admission.k8s.io/v1) and ConversionReview
 * (apiextensions.k8s.io/v1). It holds nothing and decides nothing; the answers are functions that it is given.
 *
 * Everybody in the cluster can reach it and nobody says who they are, so whatever comes in is bounded: connections,
 * bytes held, time. A connection that waits gives way to a new one, so that idle ones cannot keep the API server out.
 * A request that our answer fails on is refused, never let through.
 *
 * HTTP/1.1 only: the API server offers nothing else to webhooks (kubernetes/kubernetes issue 75791), and HTTP/2 lets one
 * connection ask for any amount of work.
 *
 * Left out: certificates of clients (the API server shows none unless its operator has arranged it), `v1beta1` reviews
 * (gone since Kubernetes 1.22), patches.
 *
 * Start at `port.ts`, then `server.ts`.
 */
export {};
