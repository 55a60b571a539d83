/** Numbers the standards assign to Neighbour Discovery. */

/** EtherType of IPv6 (RFC 2464 §3). */
export const ETHER_TYPE = 0x86dd;
/** Next Header value of ICMPv6 (RFC 4443 §1). */
export const NEXT_HEADER = 58;
/** Hop Limit of every message: proof that no router forwarded it (RFC 4861 §7.1). */
export const HOP_LIMIT = 255;
/** ICMPv6 types (RFC 4861 §4.3, §4.4). */
export const TYPE = { solicitation: 135, advertisement: 136 } as const;
/** Option types (RFC 4861 §4.6.1). */
export const OPTION = { sourceLinkLayerAddress: 1, targetLinkLayerAddress: 2 } as const;
/** Flags of an advertisement (RFC 4861 §4.4). */
export const FLAG = { router: 0x80, solicited: 0x40, override: 0x20 } as const;
