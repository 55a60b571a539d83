/**
 * Forwarding by XDP on Linux, above nftables.
 *
 * - `engine.ts`: the engine. Start reading here.
 * - `bpf.ts`: bpf(2). `maps.ts`: the maps. `attachment.ts`: a copy of the program at an interface.
 * - `network.ts`: interfaces and neighbours, through netlink.
 * - `reasons.ts`: why it does not work here; `statistics.ts`: what it has done.
 *
 * Nothing is pinned and nothing is written to disk: what there is belongs to the process and goes with it.
 */
export {};
