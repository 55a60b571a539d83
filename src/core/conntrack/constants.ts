/** Numbers of ctnetlink under the kernel's own names (linux/netfilter/nfnetlink_conntrack.h, nf_conntrack_tcp.h). */

const NFNL_SUBSYS_CTNETLINK = 1;
/** Message types: the subsystem above the message. */
export const CT_NEW = NFNL_SUBSYS_CTNETLINK << 8;
export const CT_GET = (NFNL_SUBSYS_CTNETLINK << 8) | 1;
export const CT_DELETE = (NFNL_SUBSYS_CTNETLINK << 8) | 2;
export const CT_GET_STATS = (NFNL_SUBSYS_CTNETLINK << 8) | 5;

/** Bytes in a `struct nfgenmsg`: family, version, resource id. */
export const NFGENMSG_LENGTH = 4;

export const CTA_TUPLE_ORIG = 1;
export const CTA_TUPLE_REPLY = 2;
export const CTA_PROTOINFO = 4;
export const CTA_ID = 12;
export const CTA_FILTER = 25;

export const CTA_TUPLE_IP = 1;
export const CTA_TUPLE_PROTO = 2;

export const CTA_IP_V4_SRC = 1;
export const CTA_IP_V4_DST = 2;
export const CTA_IP_V6_SRC = 3;
export const CTA_IP_V6_DST = 4;

export const CTA_PROTO_NUM = 1;
export const CTA_PROTO_SRC_PORT = 2;
export const CTA_PROTO_DST_PORT = 3;

export const CTA_PROTOINFO_TCP = 1;
export const CTA_PROTOINFO_TCP_STATE = 1;

export const CTA_FILTER_ORIG_FLAGS = 1;
export const CTA_FILTER_REPLY_FLAGS = 2;
/** Which fields of a tuple the kernel compares. */
export const FILTER_IP_DST = 1 << 1;
export const FILTER_PROTO_NUM = 1 << 3;
export const FILTER_DST_PORT = 1 << 5;

export const CTA_STATS_GLOBAL_ENTRIES = 1;
export const CTA_STATS_GLOBAL_MAX_ENTRIES = 2;

/** TCP states, in the kernel's order: those from FIN_WAIT on are over for the application on one side. */
export const TCP_FIN_WAIT = 4;
