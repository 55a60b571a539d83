/**
 * BGP in the agent: which peers this node has and what they are to know, told to the wire, and what becomes of it, written into the cluster.
 *
 * It is apart from layer 2: a BGPPeer that is wrong holds up no L2Advertisement, and the other way round. What decides is pure:
 * `core/bgp-peers` and `core/bgp-routes`.
 *
 * Start with `following.ts`.
 */
export {};
