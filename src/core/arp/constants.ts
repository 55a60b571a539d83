/** Numbers the standards assign to ARP over Ethernet. */

/** EtherType of ARP (RFC 826). */
export const ETHER_TYPE = 0x0806;
/** Bytes of a packet for Ethernet and IPv4. */
export const LENGTH = 28;
/** ar$hrd of Ethernet. */
export const HARDWARE_ETHERNET = 1;
/** ar$pro of IPv4. */
export const PROTOCOL_IPV4 = 0x0800;
/** ar$op of the two operations. */
export const OPERATION = { request: 1, reply: 2 } as const;
