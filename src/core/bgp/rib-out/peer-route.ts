/** A route as one peer is to know it. */
import type { InterfaceAddress } from "#base/prefix";
import type { LargeCommunity, RouteAttributes } from "../route.ts";
import type { PrefixKey } from "./prefix-key.ts";

/**
 * A route with its key. Peers that are told the same are given the same object, and equal attributes are the same object wherever
 * that can be (`RouteFeed` sees to both): it is what keeps ten thousand routes to ten peers small.
 */
export type PeerRoute = {
  readonly key: PrefixKey;
  /** Without host bits. */
  readonly prefix: InterfaceAddress;
  readonly attributes: RouteAttributes;
};

/** What is different for a peer from what it was to know before. Removals come first. */
export type PeerChanges = {
  readonly changed: readonly PeerRoute[];
  readonly removed: readonly PrefixKey[];
};

/** All that a `RouteAttributes` says, as text: equal for equal ones. */
export const attributesText = (attributes: RouteAttributes): string => {
  const { localPref, med, communities, largeCommunities, linkBandwidth } = attributes;
  const large = largeCommunities.map(({ administrator, first, second }) => [administrator, first, second]);
  return JSON.stringify([localPref, med ?? -1, communities, large, linkBandwidth ?? -1]);
};

const isSameList = <T>(
  left: readonly T[],
  right: readonly T[],
  isSame: (one: T, other: T | undefined) => boolean,
): boolean =>
  left === right || (left.length === right.length && left.every((one, index) => isSame(one, right[index])));

const isSameLarge = (left: LargeCommunity, right: LargeCommunity | undefined): boolean =>
  left.administrator === right?.administrator && left.first === right.first && left.second === right.second;

/** Whether a peer hears the same. What only peers in our own autonomous system hear does not count for others. */
export const isSameTowards = (
  kind: "internal" | "external",
  left: RouteAttributes,
  right: RouteAttributes,
): boolean =>
  left === right ||
  ((kind === "external" || left.localPref === right.localPref) &&
    left.med === right.med &&
    left.linkBandwidth === right.linkBandwidth &&
    isSameList(left.communities, right.communities, (one, other) => one === other) &&
    isSameList(left.largeCommunities, right.largeCommunities, isSameLarge));
