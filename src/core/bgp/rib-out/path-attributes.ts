/** From what is said of a route to what one peer hears of it. */
import type { IpFamily } from "#base/address";
import type { PathAttributes } from "../message/message.ts";
import type { NextHop, RouteAttributes } from "../route.ts";
import type { Negotiated } from "../session/config.ts";
import type { NextHops } from "./next-hops.ts";

/** What is to be known of a session to tell routes over it. */
export type PeerSession = {
  readonly negotiated: Pick<Negotiated, "kind" | "families" | "hasEnhancedRouteRefresh">;
  /** The number that this peer knows us by. */
  readonly localAsn: number;
  /**
   * The Globally Configured ASN (RFC 7705 §3.2), if the peer is to see it behind `localAsn`; `undefined`: `localAsn` alone, which is
   * what a BGPPeer's `localASN` means (no-prepend, replace-as).
   */
  readonly shownGlobalAsn: number | undefined;
  readonly nextHops: NextHops;
};

/** Why routes of a family cannot be told over a session. */
export type FamilyObstacle = "family-not-spoken" | "no-next-hop";

/** What keeps routes of a family from the peer of a session; `undefined` if nothing does. */
export const obstacleOf = (
  { negotiated, nextHops }: PeerSession,
  family: IpFamily,
): FamilyObstacle | undefined => {
  if (!negotiated.families.includes(family)) return "family-not-spoken";
  return nextHops[family] === undefined ? "no-next-hop" : undefined;
};

const asPathOf = ({ negotiated, localAsn, shownGlobalAsn }: PeerSession): readonly number[] => {
  // RFC 4271 §5.1.2: towards peers in our own autonomous system a path that begins here is empty.
  if (negotiated.kind === "internal") return [];
  return shownGlobalAsn === undefined || shownGlobalAsn === localAsn
    ? [localAsn]
    : [localAsn, shownGlobalAsn];
};

/** What the peer of a session hears. LOCAL_PREF is for peers in our own autonomous system only (RFC 4271 §5.1.5). */
export const pathAttributesOf = (
  attributes: RouteAttributes,
  { session, nextHop }: { readonly session: PeerSession; readonly nextHop: NextHop },
): PathAttributes => {
  const { localPref, med, communities, largeCommunities, linkBandwidth } = attributes;
  return {
    origin: "igp",
    asPath: asPathOf(session),
    nextHop,
    med,
    localPref: session.negotiated.kind === "internal" ? localPref : undefined,
    communities,
    largeCommunities,
    linkBandwidth:
      linkBandwidth === undefined ? undefined : { asn: session.localAsn, bytesPerSecond: linkBandwidth },
  };
};
