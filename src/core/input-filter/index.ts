/**
 * Would this machine's nftables rules let a packet in, or through?
 *
 * Reads what `nft -j list ruleset` prints (libnftables-json(5)), the rules of iptables-nft, ufw and firewalld among them, and walks
 * the chains of the hooks that a packet passes which is for this machine, or for another one behind an address that is translated. A rule that depends on what is not known here (a counter that ran
 * out, an extension of iptables, a named set that is not listed) may apply or not; what is left of the answer then is `unknown`.
 *
 * Left out: rules of iptables-legacy, eBPF, and filters outside this machine. Start reading in `walk.ts`.
 */
export {};
