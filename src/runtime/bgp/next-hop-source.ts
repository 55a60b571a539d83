/** What a session's next hops are made of, from the interfaces of this machine. */
import type { IpAddress } from "#base/address";
import type { NextHopSource } from "#core/bgp/rib-out/next-hops";
import type { BgpConnection } from "#drivers/bgp/port";
import type { Link } from "#drivers/netlink/port";
import type { BgpSpeakerParts } from "./parts.ts";

/** The interface that our end of a connection is on; `undefined`: none has the address any more. */
export const linkOf = (
  { links }: Pick<BgpSpeakerParts, "links">,
  { local, linkIndex }: Pick<BgpConnection, "local" | "linkIndex">,
): Link | undefined => {
  if (linkIndex !== 0) return links.byIndex(linkIndex);
  for (const link of links.all())
    if (links.addressesOf(link).some(({ address }) => address === local.address)) return link;
  return undefined;
};

/** What to announce as next hops over a connection. */
export const nextHopSourceOf = (
  parts: Pick<BgpSpeakerParts, "links">,
  connection: Pick<BgpConnection, "local" | "linkIndex">,
  hasExtendedNextHop: boolean,
): NextHopSource => {
  const link = linkOf(parts, connection);
  const addresses = link === undefined ? [] : parts.links.addressesOf(link);
  const linkAddresses: readonly IpAddress[] = addresses
    // One that is being checked, or that another machine has, is no place to send packets to.
    .filter(({ tentative, duplicate }) => !tentative && !duplicate)
    .map(({ address }) => address);
  return { local: connection.local.address, linkAddresses, hasExtendedNextHop };
};
