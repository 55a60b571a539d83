/** Numbers of the Linux socket interface that this driver uses (generic ABI: x86-64, arm64, armv7, riscv64). */

/** Address families. */
export const AF = { inet: 2, inet6: 10, packet: 17 } as const;
/** Socket types. */
export const SOCK = { stream: 1, dgram: 2, raw: 3 } as const;

export const SOL_SOCKET = 1;
export const SO_RCVBUF = 8;
export const SO_PRIORITY = 12;
export const SO_BINDTODEVICE = 25;
export const SO_RCVBUFFORCE = 33;
export const SO_MEMINFO = 55;
/** Position of the drop counter in what SO_MEMINFO gives (SK_MEMINFO_DROPS), and how many counters there are. */
export const MEMINFO = { drops: 8, length: 9 } as const;

export const SOL_IP = 0;
export const IP_TOS = 1;
export const IP_TTL = 2;
export const IP_PKTINFO = 8;
export const IP_MULTICAST_IF = 32;
export const IP_MULTICAST_TTL = 33;
export const IP_MULTICAST_LOOP = 34;
export const IP_ADD_MEMBERSHIP = 35;
export const IP_MULTICAST_ALL = 49;

export const SOL_IPV6 = 41;
export const IPV6_UNICAST_HOPS = 16;
export const IPV6_MULTICAST_IF = 17;
export const IPV6_MULTICAST_HOPS = 18;
export const IPV6_MULTICAST_LOOP = 19;
export const IPV6_JOIN_GROUP = 20;
export const IPV6_LEAVE_GROUP = 21;
export const IPV6_V6ONLY = 26;
/** Segments with a smaller TTL, or hop limit, are dropped without a word. */
export const IP_MINTTL = 21;
export const IPV6_MINHOPCOUNT = 73;
export const IPV6_MULTICAST_ALL = 29;
export const IPV6_RECVPKTINFO = 49;
export const IPV6_PKTINFO = 50;
export const IPV6_RECVHOPLIMIT = 51;
export const IPV6_HOPLIMIT = 52;
export const IPV6_TCLASS = 67;
export const IPV6_FREEBIND = 78;

export const SOL_PACKET = 263;
export const PACKET_ADD_MEMBERSHIP = 1;
export const PACKET_DROP_MEMBERSHIP = 2;
/** Every multicast frame, whoever asked for it. */
export const PACKET_MR_ALLMULTI = 2;

export const SOL_ICMPV6 = 58;
export const ICMPV6_FILTER = 1;

/** DSCP CS6, network control (RFC 9568 is silent; this is what routers mark their protocols with). */
export const NETWORK_CONTROL = 0xc0;
/** TC_PRIO_CONTROL: the first band of the default queueing discipline. */
export const PRIORITY_CONTROL = 7;
/** Room for about 1000 small packets, so that a stall of a second loses nothing. */
export const RECEIVE_BUFFER = 1 << 20;
/** What is addressed to another host: seen in promiscuous mode, and on a trunk for VLANs that are not set up. */
export const PACKET_OTHERHOST = 3;
/** What this host sent itself. */
export const PACKET_OUTGOING = 4;
