/** Numbers of the Linux socket interface that this driver uses (generic ABI: x86-64, arm64, armv7, riscv64). */
import type { IpFamily } from "#base/address";

export const AF: Readonly<Record<IpFamily, number>> = { IPv4: 2, IPv6: 10 };
export const SOCK_DGRAM = 2;
export const IPPROTO_UDP = 17;

export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_RCVBUF = 8;
export const SO_PRIORITY = 12;
export const SO_REUSEPORT = 15;
export const SO_BINDTODEVICE = 25;
export const SO_RCVBUFFORCE = 33;
export const SO_MEMINFO = 55;
/** The option, and the type of what it adds: wall time of 64 bits on all CPUs (Linux 5.1). */
export const SO_TIMESTAMPNS_NEW = 64;
/** Position of the drop counter in what SO_MEMINFO gives (SK_MEMINFO_DROPS), and how many counters there are. */
export const MEMINFO = { drops: 8, length: 9 } as const;

export const SOL_IP = 0;
export const IP_TOS = 1;
export const IP_TTL = 2;
export const IP_PKTINFO = 8;
export const IP_RECVTTL = 12;

export const SOL_IPV6 = 41;
export const IPV6_UNICAST_HOPS = 16;
export const IPV6_V6ONLY = 26;
export const IPV6_RECVPKTINFO = 49;
export const IPV6_PKTINFO = 50;
export const IPV6_RECVHOPLIMIT = 51;
export const IPV6_HOPLIMIT = 52;
export const IPV6_TCLASS = 67;

/** DSCP CS6, network control, as routers mark their protocols. */
export const NETWORK_CONTROL = 0xc0;
/** TC_PRIO_CONTROL: the first band of the default queueing discipline. */
export const PRIORITY_CONTROL = 7;
/** Room for about 1000 small packets, so that a stall of a second loses nothing. */
export const RECEIVE_BUFFER = 1 << 20;
