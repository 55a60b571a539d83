/** Attributes of a route as lines of a route-map, spelt as FRR prints them. */
import type { LargeCommunity, RouteAttributes, StandardCommunity } from "#core/bgp/route";

/** Communities that FRR prints by name (RFC 1997, 7611, 7999, 8326, 9494, 3765). */
const NAMES: ReadonlyMap<StandardCommunity, string> = new Map([
  [0, "internet"],
  [0xffff_0000, "graceful-shutdown"],
  [0xffff_0001, "accept-own"],
  [0xffff_0002, "route-filter-translated-v4"],
  [0xffff_0003, "route-filter-v4"],
  [0xffff_0004, "route-filter-translated-v6"],
  [0xffff_0005, "route-filter-v6"],
  [0xffff_0006, "llgr-stale"],
  [0xffff_0007, "no-llgr"],
  [0xffff_0008, "accept-own-nexthop"],
  [0xffff_029a, "blackhole"],
  [0xffff_ff01, "no-export"],
  [0xffff_ff02, "no-advertise"],
  [0xffff_ff03, "local-AS"],
  [0xffff_ff04, "no-peer"],
]);

const communityText = (community: StandardCommunity): string =>
  NAMES.get(community) ?? `${community >>> 16}:${community & 0xffff}`;

const largeText = ({ administrator, first, second }: LargeCommunity): string =>
  `${administrator}:${first}:${second}`;

/** FRR takes whole megabits a second, from 1 to 25,600. */
const bandwidthOf = (bytes: number): number =>
  Math.min(25_600, Math.max(1, Math.round((bytes * 8) / 1_000_000)));

/** What is said of a route to a peer in the own autonomous system, or in another. */
export const attributeLines = (
  { localPref, med, communities, largeCommunities, linkBandwidth }: RouteAttributes,
  kind: "internal" | "external",
): readonly string[] => [
  ...(communities.length === 0 ? [] : [`set community ${communities.map(communityText).join(" ")}`]),
  ...(linkBandwidth === undefined ? [] : [`set extcommunity bandwidth ${bandwidthOf(linkBandwidth)}`]),
  ...(largeCommunities.length === 0
    ? []
    : [`set large-community ${largeCommunities.map(largeText).join(" ")}`]),
  ...(kind === "internal" ? [`set local-preference ${localPref}`] : []),
  ...(med === undefined ? [] : [`set metric ${med}`]),
];
