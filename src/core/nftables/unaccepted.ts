/** The chain that keeps programs on this box from packets to virtual addresses that are not to be accepted. */
import { type IpAddress, isIpv4 } from "#base/address";
import type { ChainDeclaration } from "./ruleset.ts";

const dropTo = (keyword: "ip" | "ip6", addresses: readonly IpAddress[]): readonly string[] =>
  addresses.length === 0 ? [] : [`${keyword} daddr { ${addresses.join(", ")} } counter drop`];

/**
 * Nothing for no addresses. It comes last of all that looks at packets to this box: what a virtual server takes never
 * gets there, be it by address translation, at ingress, by XDP or by IPVS, which has it at priority 99.
 */
export const unacceptedChain = (addresses: readonly IpAddress[] = []): readonly ChainDeclaration[] => {
  if (addresses.length === 0) return [];
  return [
    {
      name: "unaccepted",
      comment: "virtual addresses are not this box's own",
      rules: [
        "type filter hook input priority 300; policy accept;",
        // What the box says to itself, and answers to what it asked.
        'iifname "lo" accept',
        "ct direction reply accept",
        // RFC 9568 §6.4.3 (655): without these nobody finds the addresses.
        "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept",
        ...dropTo("ip", addresses.filter(isIpv4)),
        ...dropTo(
          "ip6",
          addresses.filter((address) => !isIpv4(address)),
        ),
      ],
    },
  ];
};
