/**
 * The agent of the speaker: reads the cluster, decides about placements, and writes what is true into the cluster.
 *
 * It is a child of the wire process and speaks to it on descriptor 3; it holds nothing that must survive it. `agent.ts` puts it together:
 * `heard.ts` is what the wire says, `following.ts` what the cluster says and what the wire is told of it, in the order and pieces of
 * `orders.ts`. `mirror.ts` and `configuration.ts` say what is read, `duties.ts` which addresses this node asks for, `writers/` what is
 * written; `bgp/` is all of that for routers. Left out: everything that must not wait; that is the wire's.
 *
 * Start with `following.ts`.
 */
export {};
