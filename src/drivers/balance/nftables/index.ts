/**
 * Forwarding by nftables.
 *
 * - `linux.ts`: a ruleset goes through `nft -f FILE` as one transaction, a change of elements (all that a health change
 *   is) through `socket.ts`. Start reading here.
 * - `probe.ts`: why it cannot work on this machine.
 * - `contents.ts`: what is there now.
 *
 * - `witness.ts`: who else changes something.
 *
 * Our tables are `inet steelyard` and `netdev steelyard`. Changes by others are noticed by the ruleset's generation
 * number at the next application or observation. The kernel tells whose they were and whether they touched our tables;
 * where it could not, chains, sets and the number of rules are compared. If anything is amiss, all is replaced.
 */
export {};
