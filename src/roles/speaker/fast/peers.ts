/** From the members of a cluster to the sessions that this node keeps: with whom, from which address, along which path. */
import { familyOf, type IpAddress } from "#base/address";
import type { Authentication } from "#core/bfd/authentication";
import type { SessionConfig, SessionPath } from "#core/bfd/config";
import type { OwnershipConfig } from "#core/ownership/config";
import type { NetlinkPort } from "#drivers/netlink/port";
import type { MemberWord } from "./desired.ts";
import type { MeshPeer } from "./mesh.ts";

/** Nodes of a cluster may lie behind a few routers from each other; a packet from farther away is a stranger's. */
const MINIMUM_HOP_LIMIT = 250;

export type PeerParts = {
  readonly netlink: NetlinkPort;
  /** The name of a link; `undefined` when it is gone. */
  readonly nameOf: (linkIndex: number) => string | undefined;
  readonly times: Pick<OwnershipConfig, "bfdInterval" | "bfdMultiplier">;
  readonly authentication: Authentication | undefined;
};

/** Addresses of both, of one family. */
const endsOf = (
  self: MemberWord,
  other: MemberWord,
): { readonly localAddress: IpAddress; readonly peer: IpAddress } | undefined => {
  for (const localAddress of self.addresses) {
    const peer = other.addresses.find((each) => familyOf(each) === familyOf(localAddress));
    if (peer !== undefined) return { localAddress, peer };
  }
  return undefined;
};

const pathTo = (peer: IpAddress, { netlink, nameOf }: PeerParts): SessionPath | undefined => {
  const route = netlink.routeTo(peer);
  if (!route.ok) return undefined;
  const { linkIndex, gateway } = route.value;
  const name = nameOf(linkIndex);
  if (gateway !== undefined || name === undefined)
    return { type: "multihop", minimumHopLimit: MINIMUM_HOP_LIMIT };
  return { type: "single-hop", link: { index: linkIndex, name } };
};

/** The session with a member; `undefined` while there is no way to it, or no address of one family. */
export const sessionWith = (self: MemberWord, other: MemberWord, parts: PeerParts): MeshPeer | undefined => {
  const ends = endsOf(self, other);
  const path = ends === undefined ? undefined : pathTo(ends.peer, parts);
  if (ends === undefined || path === undefined) return undefined;
  const { bfdInterval, bfdMultiplier } = parts.times;
  const session: SessionConfig = {
    ...ends,
    ...{ path, role: "active", authentication: parts.authentication },
    ...{ desiredMinTxInterval: bfdInterval, requiredMinRxInterval: bfdInterval },
    detectMultiplier: bfdMultiplier,
  };
  return { node: other.name, session };
};
