/**
 * Reachability: is an address that we announce answered for, as another machine of the link sees it?
 *
 * A speaker that believes that it answers is no proof: a switch may drop its gratuitous ARP, a firewall may stop the traffic, a
 * foreign machine may answer as well. So each address is asked for by one node that does not hold it: resolved, and connected to
 * where it has a TCP port. Frames are made by hand, because the node's own kernel would send such a connection straight to a backend.
 *
 * Left out: probes from outside of the link (routers and what lies behind), UDP ports (silence says nothing), and judging
 * what the backend says: a health check of the user's own does that.
 *
 * Start with `machine.ts`; `duty.ts` says which node asks.
 */
export {};
