/**
 * Layer 2 placement: which nodes may answer ARP and neighbour solicitations for which address, in which order.
 *
 * One machine holds nodes, Services, EndpointSlices, pools and advertisements as last observed, and says for each address
 * which nodes may answer for it, the first choice first. It is pure: the same state gives the same answer on every node,
 * in whatever order the state came about. Who of them does answer is decided between the speakers, by who is alive.
 *
 * The rules are MetalLB's (v0.16), down to the digests, so that our speakers and MetalLB's agree about each address. Beyond
 * them: nodes that cannot carry an address are left out, and nodes that are about to go stand behind (`grading.ts`).
 *
 * ```ts
 * createPlacements({ lbClass, rules, effort? }): Placements       // placements.ts
 * placements.configure({ pools, l2Advertisements })               // of a valid Configuration
 * placements.follow(rules)                                        // DEFAULT_RULES, METALLB_RULES or others: rules.ts
 * placements.setNode(node) / removeNode(name)                     // core/node
 * placements.setSpeakers(names | undefined)                       // nodes that run a speaker
 * placements.setFitness(node, fitness | undefined)                // as its speaker reports it: fitness.ts
 * placements.setService(service) / removeService(key)
 * placements.setSlice(slice) / removeSlice(key)                   // core/endpoint-slice
 * placements.setHolder(record) / removeHolder(key)                // from ServiceL2Status: record.ts
 * placements.setDead(names)                                       // nodes that the peers have found dead
 * placements.settle(most?)                                        // Changes: what is different from what was said before
 * placements.get(address), all(), candidates(address)
 * placements.explain(address)                                     // Explanation | undefined
 * placements.silence(service)                                     // SilentReason | undefined: why nobody answers
 * ```
 *
 * Rules for whoever drives it:
 *
 * - Call `settle` only once every watch has told all that there is. Half a list of nodes gives the wrong first choice.
 * - `settle(most)` bounds one turn of the event loop. With `rest: "some"` call it again; nothing is said twice. With the even
 *   spread nothing is said until everything is decided about.
 * - While speakers of MetalLB run in the cluster, follow `METALLB_RULES`: a node that MetalLB takes for the holder must not
 *   be passed over, else two answer. When they are gone, follow `DEFAULT_RULES`.
 * - A placement lists the first eight candidates. Say with `setDead` who is dead, and those of the first that are, eight at most,
 *   are listed besides eight others: a node is not passed over for that, since not everybody may have noticed.
 *
 * Work is proportional to what changed: a slice costs its own Service, a node costs itself in each combination of
 * advertisements and networks, and one digest for each address. Sets of candidates are shared by the addresses that have the same.
 *
 * Left out: BGP; liveness (`core/liveness`); addresses in `spec.externalIPs`, which MetalLB does not announce either.
 *
 * Start with `placement.ts` and `placements.ts`; the rules are in `announced.ts` (Services), `field.ts` (nodes), `demand.ts` (both)
 * and `order.ts`; the even spread is in `spread.ts`. `reason.ts` has every reason in words, for
 * `docs/reference/layer2-candidates.md`.
 */
export {};
