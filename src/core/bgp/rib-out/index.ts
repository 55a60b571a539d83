/**
 * Adj-RIB-Out (RFC 4271 §3.2): what each peer is to know, what it was told, and which messages bring it from one to the other.
 *
 * ```ts
 * const feed = new RouteFeed(DEFAULT_DAMPING)          // feed.ts: one for the speaker
 * feed.set({ changed, removed }, now)                  // RouteWords and prefixes: what is different
 * feed.addPeer(name, rib) / removePeer(name)
 * feed.isLoading, feed.load(most)                      // a peer that is new is given what there is, a little at a time
 * feed.deadline, feed.step(now)                        // prefixes that were held back by the damping
 * feed.damped()                                        // which, and until when
 *
 * const rib = new RibOut({ mostRoutes })               // rib-out.ts: one for each peer
 * rib.up({ negotiated, localAsn, shownGlobalAsn, nextHops })   // nextHopsOf(...): next-hops.ts
 * rib.redirect(nextHops)                               // addresses of the interface are others than before
 * rib.down()
 * rib.refresh(family)                                  // the peer asked
 * rib.complete()                                       // all routes there are were set: End-of-RIB may follow
 * rib.take(most)                                       // Update and RouteRefresh messages to be sent, in order
 * rib.pending                                          // whether there is more to take
 * rib.counts, rib.standing(prefix), rib.allow(mostRoutes)
 * ```
 *
 * Rules for whoever drives it:
 *
 * - What was taken counts as told. Send all of it, in order, or call `down`.
 * - Take a few hundred prefixes at a time, and no more while the connection does not take them: what changes meanwhile is sent once.
 * - Call `complete` once every source has told all that there is, and not before: at End-of-RIB a peer drops the routes that
 *   it kept from an earlier session and has not heard of again.
 *
 * Withdrawals go before announcements. Routes with equal attributes go together. Within the limit are the lowest addresses, IPv4 first,
 * so that it is always the same ones that are left out. A prefix costs a peer one entry of a map, some 50 bytes; the rest is shared.
 *
 * Standards: RFC 4271 §9.1.3 and §9.2, 4760, 8950 (next hops), 2918 and 7313 (refresh), 4724 (End-of-RIB), 7705 (local AS), 2439 (the
 * idea of the damping). Left out: MinRouteAdvertisementInterval (RFC 4271 §9.2.1.1), since we pass on no routes of others: a route of ours
 * changes when it does, and waiting would send packets to nodes that are gone; the damping bounds what a restless Service can do.
 *
 * Start at `rib-out.ts`, then `queue.ts` (what waits), `limit.ts` (what is left out) and `damping.ts`.
 */
export {};
