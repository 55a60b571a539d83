/** The answer to a solicitation, the question of a neighbour, and that of a host that wants an address for itself. */
import type { IpAddress } from "#base/address";
import type { MacAddress } from "#base/mac";
import { ALL_NODES, groupMac, solicitedNodeGroup, UNSPECIFIED } from "./group.ts";
import type { Ipv6Context, NdpMessage, NeighborSolicitation } from "./packet.ts";

/** A message, the addresses of its IPv6 header, and where the frame goes. */
export type Outgoing = {
  readonly message: NdpMessage;
  readonly context: Ipv6Context;
  readonly destination: MacAddress;
};

/**
 * Answers a solicitation: `mac` has the target, and what is stored of it is replaced (RFC 4861 §7.2.4).
 *
 * Who asks from `::` is told by an unsolicited advertisement to all nodes, because it has no address to be answered at
 * (§7.2.4); anybody else alone, at the link-layer address of the option, or else at `from`, the frame's source.
 */
export const answerTo = (
  { target, mac: asker }: NeighborSolicitation,
  {
    source,
    from,
    mac,
    router,
  }: {
    readonly source: IpAddress;
    readonly from: MacAddress;
    readonly mac: MacAddress;
    readonly router: boolean;
  },
): Outgoing => {
  const detects = source === UNSPECIFIED;
  return {
    message: { type: "advertisement", target, mac, router, solicited: !detects, override: true },
    context: { source: target, destination: detects ? ALL_NODES : source },
    destination: detects ? groupMac(ALL_NODES) : (asker ?? from),
  };
};

/**
 * Asks who has an address, as a neighbour that wants to send to it does (RFC 4861 §7.2.2). The answer comes back alone. Some that hold
 * addresses answer nobody who does not say where he is, as in the question that `detect` makes.
 */
export const solicit = (
  target: IpAddress,
  { source, mac }: { readonly source: IpAddress; readonly mac: MacAddress },
): Outgoing => {
  const group = solicitedNodeGroup(target);
  return {
    message: { type: "solicitation", target, mac },
    context: { source, destination: group },
    destination: groupMac(group),
  };
};

/** Asks whether anybody has an address, as Duplicate Address Detection does (RFC 4862 §5.4.2). */
export const detect = (target: IpAddress): Outgoing => {
  const group = solicitedNodeGroup(target);
  return {
    message: { type: "solicitation", target, mac: undefined },
    context: { source: UNSPECIFIED, destination: group },
    destination: groupMac(group),
  };
};
