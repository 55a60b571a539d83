/** Numbers of the netlink and rtnetlink protocols under the kernel's own names (linux/netlink.h, linux/rtnetlink.h). */

/** Bytes in a `struct nlmsghdr`. */
export const NLMSG_HEADER_LENGTH = 16;
/** Bytes in a `struct nlattr`. */
export const NLA_HEADER_LENGTH = 4;

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

export const NLM_F_REQUEST = 0x1;
export const NLM_F_MULTI = 0x2;
export const NLM_F_ACK = 0x4;
/** On a dump's messages: the table changed while it was read, so entries may be missing or doubled. */
export const NLM_F_DUMP_INTR = 0x10;
/** NLM_F_ROOT and NLM_F_MATCH: give every object. */
export const NLM_F_DUMP = 0x300;
/** Of what is made: change what is there. */
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
/** On an acknowledgement: the request's payload is not echoed. */
export const NLM_F_CAPPED = 0x100;
/** On an acknowledgement: attributes with the kernel's own words follow. */
export const NLM_F_ACK_TLVS = 0x200;

export const NLMSGERR_ATTR_MSG = 1;
export const NLMSGERR_ATTR_OFFS = 2;

export const NLA_F_NESTED = 0x8000;
/** What is left of an attribute's type without NLA_F_NESTED and NLA_F_NET_BYTEORDER. */
export const NLA_TYPE_MASK = 0x3fff;

export const AF_UNSPEC = 0;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;
export const RTM_SETLINK = 19;
export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;
export const RTM_NEWROUTE = 24;
export const RTM_GETROUTE = 26;
export const RTM_NEWNEIGH = 28;
export const RTM_DELNEIGH = 29;
export const RTM_GETNEIGH = 30;
/** A setting of `net.ipv4.conf` or `net.ipv6.conf` has another value: forwarding, rp_filter and few others. */
export const RTM_NEWNETCONF = 80;

export const RTNLGRP_LINK = 1;
export const RTNLGRP_NEIGH = 3;
export const RTNLGRP_IPV4_IFADDR = 5;
export const RTNLGRP_IPV6_IFADDR = 9;
export const RTNLGRP_IPV4_NETCONF = 24;
export const RTNLGRP_IPV6_NETCONF = 25;

export const IFLA_ADDRESS = 1;
export const IFLA_IFNAME = 3;
export const IFLA_MTU = 4;
/** The link below: a VLAN's trunk, a macvlan's parent. */
export const IFLA_LINK = 5;
export const IFLA_MASTER = 10;
export const IFLA_LINKINFO = 18;
export const IFLA_IFALIAS = 20;
export const IFLA_AF_SPEC = 26;
export const IFLA_EXT_MASK = 29;
/** In IFLA_EXT_MASK: leave the counters out of the answer, which halves it. */
export const RTEXT_FILTER_SKIP_STATS = 8;

/** Why the kernel tells of a link, if it is for one of a few reasons. */
export const IFLA_EVENT = 44;
/** A bond has changed its active port. */
export const IFLA_EVENT_BONDING_FAILOVER = 3;
/** Whoever sends to this link is to be told where it is: a bond has changed its port, a virtual machine its host. */
export const IFLA_EVENT_NOTIFY_PEERS = 4;

/** Within IFLA_LINKINFO. */
export const IFLA_INFO_KIND = 1;
export const IFLA_INFO_DATA = 2;
export const IFLA_INFO_SLAVE_KIND = 4;
/** Within IFLA_INFO_DATA of a macvlan. */
export const IFLA_MACVLAN_MODE = 1;
/** Macvlans of one parent hear each other. */
export const MACVLAN_MODE_BRIDGE = 4;
/** Within AF_INET6 of IFLA_AF_SPEC. */
export const IFLA_INET6_ADDR_GEN_MODE = 8;
/** No link-local address by itself. */
export const IN6_ADDR_GEN_MODE_NONE = 1;

export const ARPHRD_ETHER = 1;
export const IFF_UP = 0x1;
export const IFF_LOOPBACK = 0x8;
export const IFF_LOWER_UP = 0x10000;
/** Something must happen first, such as 802.1X. */
export const IFF_DORMANT = 0x20000;

export const IFA_ADDRESS = 1;
export const IFA_LOCAL = 2;
export const IFA_LABEL = 3;
export const IFA_CACHEINFO = 6;
export const IFA_FLAGS = 8;
export const IFA_PROTO = 11;

export const IFA_F_NODAD = 0x02;
export const IFA_F_DADFAILED = 0x08;
export const IFA_F_TENTATIVE = 0x40;
export const IFA_F_NOPREFIXROUTE = 0x200;

export const RTA_DST = 1;
export const RTA_OIF = 4;
export const RTA_GATEWAY = 5;
export const RTA_PREFSRC = 7;
export const RTA_VIA = 18;

/** In a neighbour's flags: use the entry, which makes the kernel find the neighbour. */
export const NTF_USE = 1;
export const NDA_DST = 1;
export const NDA_LLADDR = 2;
