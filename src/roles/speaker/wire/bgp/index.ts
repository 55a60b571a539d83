/**
 * BGP in the wire process: what this node was told of peers and routes, kept on disk beside the placements, and the speaker that talks to them.
 *
 * It is apart from layer 2 in everything: a node that hears no other speaker goes on with its sessions, since routers find out by
 * themselves whether it is there, and what cannot be read of one does not hold the other up. The one thing that they share is the agent.
 *
 * Start with `bgp.ts`.
 */
export {};
