/**
 * What this node tells routers: which prefixes, to which of its peers, with which attributes, and why not.
 *
 * One machine holds Services, EndpointSlices, pools, advertisements and this node's own Node as last observed. It is pure; what
 * it says are `RouteWord`s, which the speaker carries out (`#core/bgp`).
 *
 * The rules are MetalLB's (v0.16). Beyond them: a node that is about to go says so to its routers, waits, and withdraws (`stance.ts`); and
 * routers can be told to share traffic by the endpoints on each node (`rules.ts`, off unless asked for).
 *
 * ```ts
 * new BgpRoutes({ node, lbClass, rules, effort? })                // bgp-routes.ts
 * routes.configure({ pools, bgpAdvertisements })                  // of a valid Configuration
 * routes.setPeers(names)                                          // peers of this node: core/bgp-peers
 * routes.follow(rules)                                            // DEFAULT_RULES or others: rules.ts
 * routes.plan("leave")                                            // the speaker is to end
 * routes.setNode(node) / removeNode(name)                         // core/node; others than this one make no difference
 * routes.setService(service) / removeService(key)
 * routes.setSlice(slice) / removeSlice(key)                       // core/endpoint-slice
 * routes.settle(now, most?)                                       // RouteChanges: what is different from what was said before
 * routes.deadline                                                 // settle again then: a drain is over
 * routes.get(prefix), all(), stance
 * routes.silence(service)                                         // SilentReason | undefined: why it is not announced
 * routes.peersOf(service)                                         // for ServiceBGPStatus
 * routes.explain(address)                                         // Explanation | undefined; words.ts
 * ```
 *
 * Rules for whoever drives it:
 *
 * - Call `settle` only once every watch has told all that there is.
 * - With `rest: "some"` call it again; nothing is said twice.
 *
 * Work is proportional to what changed: a slice costs its own Service, a change of this node that matters costs all. What peers are told
 * is worked out once for each combination of advertisements, and shared by all prefixes that have it.
 *
 * Left out: sessions; the upper bound of routes for a peer and the damping (`#core/bgp/rib-out`); a drain begins anew when this
 * process does.
 *
 * Start with `bgp-routes.ts`; the rules are in `choice.ts` (Services), `this-node.ts` (this node) and `telling.ts` (attributes). `reason.ts`
 * has every reason in words, for `docs/reference/bgp-announcements.md`.
 */
export {};
