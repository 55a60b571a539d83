/** Numbers of the Linux socket interface that this driver uses (generic ABI: x86-64, arm64, armv7, riscv64). */
export const AF_INET6 = 10;
export const SOCK_RAW = 3;
export const IPPROTO_ICMPV6 = 58;

export const SOL_SOCKET = 1;
export const SO_BINDTODEVICE = 25;

export const SOL_IPV6 = 41;
export const IPV6_MULTICAST_IF = 17;
export const IPV6_MULTICAST_HOPS = 18;
export const IPV6_MULTICAST_LOOP = 19;
export const HOP_LIMIT = 255;

/** Instructions of classic BPF (linux/filter.h). */
export const BPF = { loadByte: 0x30, jumpIfEqual: 0x15, return: 0x06 } as const;
/** Offsets from here on are from the IPv6 header (SKF_NET_OFF). */
export const FROM_IPV6_HEADER = 0xfff0_0000;
/** Where the Hop Limit is in it. */
export const HOP_LIMIT_AT = 7;
