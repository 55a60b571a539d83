/**
 * Router Advertisements (RFC 4861 §4.2): routers on a link are heard, and we are, so that BGP peers without configured
 * addresses find each other.
 *
 * A raw ICMPv6 socket for each link, bound to it, with a filter that passes what comes with 255 hops and is of the right type. The
 * kernel checks and makes checksums.
 *
 * - `port.ts`: what we ask for. Start reading here.
 * - `linux.ts`: the real one; needs CAP_NET_RAW.
 * - `fake.ts`: machines on one link in memory.
 * - `contract.ts`: what holds for both; with the real one in `test/kernel/router-advertisement.test.ts`.
 */
export {};
