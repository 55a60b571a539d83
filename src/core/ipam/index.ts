/**
 * Address management: pools, who holds which address, and which one a Service gets next.
 *
 * - `pool.ts`, `block.ts`: pools, reservations, conflicts, and how blocks of addresses are spelt.
 * - `request.ts`, `claim.ts`, `need.ts`: what a Service asks for, what it may share, which families it needs.
 * - `ledger.ts`: who holds what. An address is a position in its pool (`positions.ts`), counted over the blocks as they
 *   are written and without the addresses that are left out; so the next free one is the smallest free position, found
 *   without looking at the others (`free-list.ts`), and the first that can be shared is found by key and ports (`shelves.ts`).
 * - `decide.ts`: whether a Service keeps what it has (`keep.ts`), and what it gets if not (`choose.ts`). Start reading here.
 * - `addressed-service.ts`, `pool-index.ts`: for those who announce what was given: a Service with its addresses, and the pool of each.
 * - `refusal.ts`: the closed list of reasons why a Service gets nothing, in words.
 *
 * The rules are MetalLB's, to the letter where they can be seen: the order of choice, sharing, one pool for both families.
 * Where MetalLB is random (pools of the same rank) the name decides. Added: reservations and reported conflicts.
 *
 * Left out: DHCP and other sources of addresses outside of pools.
 */
export {};
