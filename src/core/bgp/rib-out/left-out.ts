/** What of the routes for a peer is not told, and why: a closed list. */
import type { IpFamily } from "#base/address";
import type { FamilyObstacle } from "./path-attributes.ts";

/** Why a route that a peer is to know is not told. */
export type LeftOutReason =
  | FamilyObstacle
  /** There are more than the peer is to be told. */
  | "over-limit";

/** How it stands with a prefix and a peer. */
export type Standing =
  /** It is none of those that the peer is to know. */
  | "not-wanted"
  | "no-session"
  | LeftOutReason
  /** It waits to be sent, new or with other attributes. */
  | "pending"
  /** Its withdrawal waits to be sent. */
  | "leaving"
  | "announced";

/** How each reason is said, as the end of `routes `. */
export const LEFT_OUT_TEXTS: Readonly<Record<LeftOutReason, string>> = {
  "family-not-spoken": "are of a family that the peer does not speak",
  "no-next-hop": "have no next hop: the session's interface has no address of their family",
  "over-limit": "are more than the peer is to be told",
};

/** So many routes of a family are left out. */
export type LeftOut = {
  readonly reason: LeftOutReason;
  readonly family: IpFamily;
  /** At least 1. */
  readonly count: number;
};

type ByFamily = Readonly<Record<IpFamily, number>>;

export type Counts = {
  /** That the peer is to know. */
  readonly wanted: ByFamily;
  /** That it was told, and that were not withdrawn. */
  readonly announced: ByFamily;
  /** That wait to be sent, markers among them. */
  readonly pending: number;
  /** Without a session only what is over the limit. */
  readonly leftOut: readonly LeftOut[];
};

/** What is left out, by family and reason. */
export const leftOutOf = ({
  wanted,
  admitted,
  obstacles,
}: {
  readonly wanted: ByFamily;
  /** Within the limit. */
  readonly admitted: ByFamily;
  readonly obstacles: Readonly<Record<IpFamily, FamilyObstacle | undefined>>;
}): readonly LeftOut[] =>
  (["IPv4", "IPv6"] as const).flatMap((family) => {
    const all: readonly { readonly reason: LeftOutReason | undefined; readonly count: number }[] = [
      { reason: "over-limit", count: wanted[family] - admitted[family] },
      { reason: obstacles[family], count: admitted[family] },
    ];
    return all.flatMap(({ reason, count }) =>
      reason === undefined || count === 0 ? [] : [{ reason, family, count }],
    );
  });
