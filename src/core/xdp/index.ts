/**
 * The XDP program's side of a forwarding plan: what its maps hold, and how they change.
 *
 * The program (`native/xdp/balance.h`) forwards packets of `dsr` servers before the kernel's network stack sees them; what
 * it does not decide meets nftables, which carries the same plan. docs/decisions/0006-xdp-above-nftables.md says why.
 *
 * - `tables.ts`: the translator from plan to maps. Start reading here.
 * - `layout.ts`: every byte of every map. `slots.ts`, `backends.ts`, `writes.ts`: contents and their changes.
 * - `places.ts`, `capacity.ts`: who has which place, and how large the maps are.
 * - `carries.ts`: which servers the program can carry; `surroundings.ts`: what must be known of the network.
 * - `program.ts`: the compiled program, made by scripts/build-xdp.ts; `object.ts` reads what clang wrote, `bind.ts` gives
 *   a program its maps.
 *
 * Left out: schedulers that count connections, ranges of ports and of sources, and translation of addresses.
 */
export {};
