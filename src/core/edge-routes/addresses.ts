/** Addresses that packets are routed to, and that no interface would have by itself. */
import { compareAddresses, type IpAddress } from "#base/address";
import type { Desired } from "#core/config/desired";

/** Those of virtual servers that routers are told of; each once, in order. */
export const routedAddresses = ({
  routes,
  servers,
}: Pick<Desired, "routes" | "servers">): readonly IpAddress[] => {
  const names = new Set(routes.flatMap((route) => route.servers));
  const addresses = servers.filter(({ name }) => names.has(name)).map(({ address }) => address);
  return [...new Set(addresses)].sort(compareAddresses);
};

/**
 * Those of them that this machine must have on its loopback interface: all but those of virtual routers, which bring them where
 * they belong. Without them packets to a port that no virtual server has would go back to the router, and come again, and IPVS
 * would not see any.
 */
export const loopbackAddresses = (
  desired: Pick<Desired, "routes" | "servers" | "routers">,
): readonly IpAddress[] => {
  const held = new Set(
    desired.routers.flatMap(({ addresses, unadvertisedAddresses }) =>
      [...addresses, ...unadvertisedAddresses].map(({ address }) => address),
    ),
  );
  return routedAddresses(desired).filter((address) => !held.has(address));
};
