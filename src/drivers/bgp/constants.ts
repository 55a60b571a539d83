/** Numbers of the Linux socket interface that this driver uses (generic ABI: x86-64, arm64, armv7, riscv64), and our own. */
import type { IpFamily } from "#base/address";
import { type Duration, seconds } from "#base/time";

export const AF: Readonly<Record<IpFamily, number>> = { IPv4: 2, IPv6: 10 };
export const SOCK_STREAM = 1;
export const IPPROTO_TCP = 6;

export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_ERROR = 4;
export const SO_PRIORITY = 12;
export const SO_LINGER = 13;
export const SO_BINDTODEVICE = 25;

export const SOL_IP = 0;
export const IP_TOS = 1;
export const IP_TTL = 2;
export const IP_MINTTL = 21;
export const IP_BIND_ADDRESS_NO_PORT = 24;

export const SOL_IPV6 = 41;
export const IPV6_UNICAST_HOPS = 16;
export const IPV6_V6ONLY = 26;
export const IPV6_TCLASS = 67;
export const IPV6_MINHOPCOUNT = 73;

export const TCP_NODELAY = 1;
export const TCP_MD5SIG = 14;
export const TCP_NOTSENT_LOWAT = 25;

/** DSCP CS6, network control, as routers mark their protocols. */
export const NETWORK_CONTROL = 0xc0;
/** TC_PRIO_CONTROL: the first band of the default queueing discipline. */
export const PRIORITY_CONTROL = 7;

/** Answers to callers leave with this, whoever it is: one that wants 255 (RFC 5082) is not known before it has connected. */
export const LISTENER_HOPS = 255;
/** Connections that may wait to be accepted, and about as many that may be half open. */
export const BACKLOG = 64;
/** So many are accepted in one turn of the event loop; more wait for the next. */
export const ACCEPTED_PER_TURN = 64;
/**
 * Connections that one caller may have here at once: two that are in use, and some whose end still has to get out (`LINGER`). One that is over counts for
 * a while, so that it is also how many it may begin in that time: each costs an OPEN, and perhaps a line in a log.
 */
export const MOST_OF_CALLER = 8;
export const CALLER_PAUSE: Duration = seconds(1);
/** Without descriptors there is nothing to accept with: it is tried again so much later. */
export const ACCEPT_PAUSE: Duration = seconds(1);
/** Bytes that the kernel takes although it cannot send them: what is newer than they are is decided before it is written. */
export const WAITS_IN_KERNEL = 65_536;
/** How long a connection that was closed may take to get rid of what was written. */
export const LINGER: Duration = seconds(1);
/** RFC 2385 as Linux has it (TCP_MD5SIG_MAXKEYLEN). */
export const LONGEST_PASSWORD = 80;
