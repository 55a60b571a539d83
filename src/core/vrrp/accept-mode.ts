/** Addresses that an active router answers for in ARP and neighbour discovery, and nothing else (RFC 9568 §6.4.3). */
import { compareAddresses, type IpAddress } from "#base/address";
import type { VirtualRouterConfig } from "./config.ts";
import { PRIORITY_OWNER } from "./constants.ts";

/** The virtual addresses, advertised or not, that are none of this box's own; each once, in order. */
export const unacceptedAddresses = (routers: readonly VirtualRouterConfig[]): readonly IpAddress[] => {
  const addresses = routers
    .filter(({ acceptMode, priority }) => !acceptMode && priority !== PRIORITY_OWNER)
    .flatMap((router) => [...router.addresses, ...router.unadvertisedAddresses])
    .map(({ address }) => address);
  return [...new Set(addresses)].sort(compareAddresses);
};
