/**
 * The doctor: what on a node or in a cluster keeps announced addresses from working, each with the command that mends it.
 *
 * Facts are gathered elsewhere and may be missing; a rule that lacks its facts says nothing. A finding is an `error` when
 * traffic is lost or goes to the wrong machine, a `warning` when it may be.
 *
 * Start with `finding.ts`; `facts.ts` says what is looked at; a rule lies with its subject: `kube-proxy.ts`, `links.ts`,
 * `addresses.ts`, `neighbours.ts`, `bgp.ts`; what a speaker says is read in `speaker.ts` and `bgp-status.ts`.
 *
 * Left out: whether routers spread traffic over several nodes (ECMP). One node sees what arrives at it, and little of that for an
 * address is no sign that others get more.
 */
export {};
