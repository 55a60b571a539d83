/**
 * Forwarding plans as nftables rulesets.
 *
 * Two tables, both ours alone: `inet steelyard` translates addresses (masquerade, nat) and refuses what nobody can take,
 * `netdev steelyard` forwards at the ingress hook (dsr). How a packet for a dsr server finds its backend by hash:
 *
 * ```
 *  ingress/DEVICE -> dispatch -> server/S -- targets: slot ------------------------------> fwd to the neighbour
 *                       |           |   fragments, and slots that moved or that nobody has
 *                       |           v
 *                       |        long/S -- ring: slot --------------------------------> backend/S/B: fwd
 *                       |           |  a slot that moved once                               ^
 *                       |           v                                                       |
 *                       |        moved/S -- flows: recorded, and serving --> pin/S/B: records the flow
 *                       |           |-- newcomers: SYN, slot in transition ---> pin/S/B
 *                       |           |-- former-owners: slot in transition ----> pin/S/B
 *                       |           `-- owners: slot -------------------------> backend/S/B
 *                       |-- ICMP error -> error/S: the long way, by the packet that is quoted
 *                       `-- later fragment -> fragments: as the first
 * ```
 *
 * `targets` gives the backend's address: one lookup, no jump; it is there as long as slots are few (`targets.ts`). The other maps give
 * the backend's number, which `forward` and `pins` turn into its chain. So a health change replaces addresses and numbers only, which
 * costs the kernel nothing but these; a changed jump would make it walk all chains again.
 * All names are made from the operator's, see `names.ts`.
 *
 * - `ruleset.ts`: a ruleset as a value. `skeleton.ts`: the ruleset of a plan; start reading there.
 * - `lookup.ts`: how a packet's server is found, by one port, a range or all. `masquerade.ts` (and nat), `dsr.ts`: what
 *   one server adds, `targets.ts` to dsr by hash. `answers.ts`: what backends say on connections that this edge does not know.
 * - `unaccepted.ts`: what keeps packets from this box itself (`acceptMode`).
 * - `persistence.ts`, `limits.ts`, `syn-proxy.ts`: what may stand before the choice of a backend. `traffic.ts`:
 *   what is counted, `counters.ts` and `slot-counts.ts` read it back.
 * - `text.ts`: the nft file. `delta.ts`: from one plan to the next. `nfnetlink.ts`: element changes without nft.
 *
 * Text is for nft 1.0.6 and newer. What 1.0.6 cannot do shaped it: maps from hashes are declared `typeof numgen inc
 * mod 2`, because listing `typeof jhash` crashes it; keys written by packets are hashes, because it aborts on IPv6
 * addresses there; ports in what a map gives are of one protocol, because it takes `th` for a conflict once the map is
 * in the kernel, and then no ruleset could be replaced. Rules are not read back, and rule changes do not go through
 * netlink: `nft` does both well.
 */
export {};
