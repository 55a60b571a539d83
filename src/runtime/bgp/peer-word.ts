/** From what is wanted of a peer to the session, the connections and the BFD session that it means. */
import { familyOf, type IpAddress } from "#base/address";
import type { PeerWord } from "#core/bgp/desired";
import type { SessionConfig } from "#core/bgp/session/config";
import type { BgpHops, BgpLink } from "#drivers/bgp/port";

/** Where a peer is. */
export type Whereabouts = {
  readonly address: IpAddress;
  /** Of a link-local address. */
  readonly link: BgpLink | undefined;
};

/** The session that is wanted with a peer at an address. */
export const sessionConfigOf = (word: PeerWord, peer: IpAddress): SessionConfig => {
  const { localAsn, peerAsn, routerId, holdTime, keepaliveTime, connectRetryTime, role } = word;
  const { families, multiprotocol, gracefulRestart, bfd } = word;
  return {
    ...{ localAsn, peerAsn, routerId, holdTime, keepaliveTime, connectRetryTime, role },
    ...{ families, multiprotocol },
    // Only where BFD finds a dead node: its NOTIFICATION is a Hard Reset (RFC 9384 with RFC 8538), the hold timer's is none.
    gracefulRestart: gracefulRestart && { ...gracefulRestart, survivesNotification: bfd !== undefined },
    // Of no use to a session over IPv4, whose own address is the next hop.
    extendedNextHop: multiprotocol && familyOf(peer) === "IPv6" && families.includes("IPv4"),
  };
};

const isInternal = ({ peerAsn, localAsn }: PeerWord): boolean =>
  peerAsn.type === "internal" || (peerAsn.type === "given" && peerAsn.asn === localAsn);

const NEIGHBOUR = 1;
const ANYWHERE = 64;
const NEVER_FORWARDED = 255;

/** How far packets may come. Routers take one off: 255 is what nobody else than a neighbour can send (RFC 5082). */
export const hopsOf = (word: PeerWord): BgpHops => {
  if (word.ttlSecurity) return { send: NEVER_FORWARDED, least: NEVER_FORWARDED };
  const isNear = !word.multihop && !isInternal(word);
  return { send: isNear ? NEIGHBOUR : ANYWHERE, least: undefined };
};

/** Whether a change of what is wanted of a peer leaves its session as it is. */
export const keepsSession = (one: PeerWord, other: PeerWord): boolean =>
  sessionText(one) === sessionText(other);

/**
 * All that a session depends on. What an OPEN offers counts from the next one on (graceful restart), what is between two attempts from the
 * next attempt on, BFD's times are agreed on while it runs (RFC 5880 §6.8.3).
 */
const sessionText = ({ bfd, mostRoutes, connectRetryTime, gracefulRestart, ...word }: PeerWord): string =>
  JSON.stringify(Object.entries(word).sort(([left], [right]) => (left < right ? -1 : 1)));
