/**
 * What an edge tells routers: from the routing resources in its files, which are the same as in a cluster, and its virtual servers.
 *
 * `read.ts` turns BGPPeer, BFDProfile, IPAddressPool, BGPAdvertisement and Community documents into sessions and routes, once for each
 * configuration. `server-standing.ts` says how a server stands by the plan in the kernel, `standing.ts` what is announced then,
 * `addresses.ts` which addresses the machine must have for it, `router-id.ts` by which identifier routers know it.
 *
 * A VirtualServer counts as a Service here, with its labels, and its address as one of a pool. Addresses that are in no IPAddressPool are in
 * one of their own, which an advertisement without a choice of pools means as well.
 *
 * Left out: `nodeSelectors` and Secrets, which files have none of: each edge has a file of its own.
 */
export {};
