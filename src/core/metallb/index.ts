/**
 * The resources that people configure load balancers with: the kinds of `metallb.io` as MetalLB has them, and two of ours.
 *
 * One schema per kind (`schema-*.ts`) gives validation, defaults, the custom resource definition (`crd.ts`) and the reference
 * page. `read.ts` turns raw objects into a configuration, all of it or nothing; rules between values are in `*-rules.ts`.
 * `admission.ts` and `conversion.ts` answer the API server's webhooks, `status.ts` builds what the controller writes.
 *
 * Where we differ from MetalLB, on purpose: all problems are told at once; a webhook refuses only what a change makes worse, so
 * that one broken object does not lock the others; a pool whose `namespaceSelectors` match no namespace admits none; BGPPeer
 * fields that only v1beta2 has survive in an annotation when an object is read and written back as v1beta1.
 *
 * Left out: Secrets (whether a `passwordSecret` exists is known where sessions are opened); limits of MetalLB's native BGP mode,
 * which our own BGP does not have; pools that overlap the addresses of nodes, which are in use and therefore not refused.
 *
 * Start with `kinds.ts`, then `read.ts`.
 */
export {};
