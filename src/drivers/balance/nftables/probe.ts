/** Finding out why forwarding cannot work here, in the operator's terms. */

import type { Unavailable } from "../port.ts";
import type { NftResult } from "./nft.ts";
import type { SocketError } from "./socket.ts";

/** A ruleset with every kind of expression that ours have, to be checked and not loaded. */
export const FEATURE_PROBE = `table inet steelyard_probe {
  set s { typeof ct original ip daddr . ip daddr . meta l4proto . th dport; }
  chain a { type nat hook postrouting priority srcnat; ct status dnat ct original ip daddr . ip daddr . meta l4proto . th dport @s masquerade; }
  chain b { type nat hook prerouting priority dstnat; meta l4proto tcp counter dnat ip to 192.0.2.1:80; }
  set r { typeof ip daddr . meta l4proto . th dport; flags interval; }
  chain d { type nat hook postrouting priority srcnat; fib saddr type != local ip daddr . meta l4proto . th dport @r masquerade; }
  chain c { type filter hook input priority filter; meta l4proto tcp reject with tcp reset; }
}
table netdev steelyard_probe {
  map m { typeof numgen inc mod 2 . numgen inc mod 2 : meta mark; size 16; flags dynamic,timeout; timeout 1s; }
  map v { typeof numgen inc mod 2 : verdict; size 16; }
  chain a {
    comment "probe"
    update @m { jhash ip saddr . th sport mod 9 seed 1 . jhash ip saddr . th sport mod 9 seed 2 timeout 1s : 1 }
    delete @m { jhash ip saddr . th sport mod 9 seed 1 . jhash ip saddr . th sport mod 9 seed 2 : meta mark }
    jhash @th,192,32 . @th,240,16 mod 9 seed 1 vmap @v
    frag more-fragments 1 meta mark set 0
    meta pkttype host fwd ip to 192.0.2.1 device "lo"
  }
}
`;

/** The reason, or `undefined` when everything answered as it should; `probe` is `undefined` if it was not tried. */
export const explainUnavailable = (
  generation: number | SocketError,
  version: NftResult,
  probe: NftResult | undefined,
): Unavailable | undefined => {
  if (typeof generation !== "number") {
    return generation.code === "EPERM" || generation.code === "EACCES"
      ? {
          code: "no-permission",
          detail: "the kernel does not let this process read or change nftables",
          remedy: "run it as root or give it CAP_NET_ADMIN",
        }
      : {
          code: "no-nf-tables",
          detail: `the kernel has no nf_tables (${generation.code})`,
          remedy: "load the nf_tables module (modprobe nf_tables), or use a kernel that has it",
        };
  }
  if (!version.ok) {
    return {
      code: "no-nft",
      detail: `the nft program did not run: ${version.output}`,
      remedy: "install the package nftables (version 1.0.6 or newer)",
    };
  }
  if (probe === undefined || probe.ok) return undefined;
  return {
    code: "missing-feature",
    detail: probe.output,
    remedy:
      "use nftables 1.0.6 or newer and a kernel with nft_nat, nft_masq, nft_reject, nft_hash, nft_numgen and nft_fwd_netdev",
  };
};
