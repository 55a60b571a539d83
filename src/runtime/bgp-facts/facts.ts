/** How a peer is now, as plain values that survive JSON; nothing of its password is among them. */
import { type Instant, toMillis, type WallTime } from "#base/time";
import type { PeerWord } from "#core/bgp/desired";
import type { BgpPeerFacts } from "#core/speaker/bgp-facts";
import type { PeerSnapshot } from "../bgp/snapshot.ts";

/** What is said of a peer; `word` is how it is wanted. */
export const factsOf = (
  peer: PeerSnapshot,
  word: PeerWord | undefined,
  toWall: (at: Instant) => WallTime,
): BgpPeerFacts => {
  const { name, address, state, since, session, counts, failure, bfd, sent, received, ups } = peer;
  const families = word?.families ?? ["IPv4", "IPv6"];
  const negotiated = session?.negotiated;
  const sum = (of: typeof counts.wanted): number => families.reduce((all, family) => all + of[family], 0);
  return {
    ...{ name, address, state, bfd, sent, received, ups, since: toWall(since) },
    link: word?.neighbor.type === "interface" ? word.neighbor.name : undefined,
    session:
      session === undefined || negotiated === undefined
        ? undefined
        : {
            asn: negotiated.peerAsn,
            routerId: session.peerRouterId,
            families: negotiated.families,
            holdTime: toMillis(negotiated.holdTime) / 1_000,
            keepaliveTime: toMillis(negotiated.keepaliveTime) / 1_000,
            keepsRoutes:
              negotiated.peerKeepsRoutes === undefined
                ? undefined
                : toMillis(negotiated.peerKeepsRoutes) / 1_000,
          },
    ...{ wanted: sum(counts.wanted), announced: sum(counts.announced), pending: counts.pending },
    // Of a family that is not wanted of the session nothing is missing.
    leftOut: counts.leftOut.filter(({ family }) => families.includes(family)),
    failure: failure === undefined ? undefined : { text: failure.text, at: toWall(failure.at) },
    ignoredRoutes: peer.routesHeard,
  };
};
