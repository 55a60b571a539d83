/** Where packets to addresses arrive that routers are told of: from those routers. */
import type { IpAddress } from "#base/address";
import type { PeerWord } from "#core/bgp/desired";
import type { Desired } from "#core/config/desired";
import { routedAddresses } from "#core/edge-routes/addresses";
import type { Link, NetlinkPort } from "#drivers/netlink/port";

export type Uplinks = {
  /** These routers are told of these. */
  route(desired: Pick<Desired, "peers" | "routes" | "servers">): void;
  /** The interfaces on which packets to this address may arrive; none for one that no router is told of. */
  of(address: IpAddress): readonly string[];
  /** Interfaces or routes may be others. */
  forget(): void;
};

/** No router at first. */
export const createUplinks = (
  netlink: Pick<NetlinkPort, "routeTo">,
  linkByIndex: () => ReadonlyMap<number, Link>,
): Uplinks => {
  let peers: readonly PeerWord[] = [];
  let routed: ReadonlySet<IpAddress> = new Set();
  let known: readonly string[] | undefined;

  /** A router that is not on a network of this machine may send by any interface. */
  const towards = ({ neighbor }: PeerWord): readonly Link[] => {
    const links = [...linkByIndex().values()].filter(({ loopback }) => !loopback);
    if (neighbor.type === "interface") return links.filter(({ name }) => name === neighbor.name);
    const route = netlink.routeTo(neighbor.address);
    if (!route.ok) return [];
    const { gateway, linkIndex } = route.value;
    return gateway === undefined
      ? links.filter(({ index }) => index === linkIndex)
      : links.filter(({ mac, up }) => mac !== undefined && up);
  };

  return {
    route(desired) {
      peers = desired.peers;
      routed = new Set(routedAddresses(desired));
      known = undefined;
    },
    of(address) {
      if (!routed.has(address)) return [];
      known ??= [...new Set(peers.flatMap(towards).map(({ name }) => name))].sort();
      return known;
    },
    forget() {
      known = undefined;
    },
  };
};
