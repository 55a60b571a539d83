/** Numbers that the standards assign to BGP. */
import type { IpFamily } from "#base/address";
import type { FamilyCode } from "./message.ts";

/** The version in OPEN (RFC 4271 §4.2). */
export const VERSION = 4;

/** Marker, length, type (RFC 4271 §4.1). */
export const HEADER_LENGTH = 19;

/** The longest message, header included (RFC 4271 §4.1); longer ones (RFC 8654) are not offered. */
export const MAXIMUM_LENGTH = 4096;

/** Types of messages (RFC 4271 §4.1, RFC 2918 §3). */
export const MESSAGE = { open: 1, update: 2, notification: 3, keepalive: 4, "route-refresh": 5 } as const;
/** The type of a message. */
export type MessageType = keyof typeof MESSAGE;

/** What stands for an AS number of more than 16 bits where there are only 16 (RFC 6793 §9). */
export const AS_TRANS = 23_456;

/** Address Family Identifiers. */
export const AFI: Readonly<Record<IpFamily, number>> = { IPv4: 1, IPv6: 2 };

/** Subsequent Address Family Identifiers; those of one AFI have prefixes of one shape. */
export const SAFI = { unicast: 1, multicast: 2 } as const;

/** The family as it stands in messages. */
export const unicast = (family: IpFamily): FamilyCode => ({ afi: AFI[family], safi: SAFI.unicast });

/** Codes of capabilities. */
export const CAPABILITY = {
  multiprotocol: 1,
  routeRefresh: 2,
  extendedNextHop: 5,
  extendedMessage: 6,
  gracefulRestart: 64,
  fourOctetAs: 65,
  enhancedRouteRefresh: 70,
} as const;

/** Type codes of path attributes. */
export const ATTRIBUTE = {
  origin: 1,
  asPath: 2,
  nextHop: 3,
  multiExitDisc: 4,
  localPref: 5,
  atomicAggregate: 6,
  aggregator: 7,
  communities: 8,
  originatorId: 9,
  clusterList: 10,
  mpReachNlri: 14,
  mpUnreachNlri: 15,
  extendedCommunities: 16,
  as4Path: 17,
  as4Aggregator: 18,
  ipv6ExtendedCommunities: 25,
  largeCommunities: 32,
  onlyToCustomer: 35,
} as const;

/** Bits of the Attribute Flags (RFC 4271 §4.3). */
export const FLAG = { optional: 0x80, transitive: 0x40, extendedLength: 0x10 } as const;
