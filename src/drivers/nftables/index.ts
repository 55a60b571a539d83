/**
 * Forwarding in the kernel by nftables.
 *
 * - `port.ts`: what we ask for, the same for every engine.
 * - `linux.ts`: the real one. A ruleset goes through `nft -f FILE` as one transaction, a change of elements (all that a
 *   health change is) through `socket.ts`. Start reading here.
 * - `fake.ts`, `contract.ts`: without a kernel, and what both must do.
 *
 * Our tables are `inet steelyard` and `netdev steelyard`. Changes by others are noticed by the ruleset's generation
 * number at the next application or observation; then chains, sets and the number of rules are compared and, if
 * something is missing, all is replaced. Left out: noticing that somebody changed single elements of our sets.
 */
export {};
