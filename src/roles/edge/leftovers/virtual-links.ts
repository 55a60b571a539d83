/** Interfaces with virtual MAC addresses. */
import { isVirtualLink } from "#core/vrrp/virtual-mac";
import type { NetlinkPort } from "#drivers/netlink/port";
import { type Finder, unseen } from "./leftover.ts";

/** Those that carry our alias. */
export const findVirtualLinks =
  (netlink: Pick<NetlinkPort, "links" | "removeLink">): Finder =>
  async () => {
    const links = netlink.links();
    if (!links.ok) return [unseen("interfaces", links.error.code)];
    return links.value.filter(isVirtualLink).map(({ name, index }) => ({
      what: `interface ${name} with a virtual MAC address`,
      remove: async () => {
        const removed = netlink.removeLink(index);
        return removed.ok ? undefined : removed.error.code;
      },
    }));
  };
