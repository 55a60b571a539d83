/**
 * Removes the addresses that an earlier run left and nobody wants any more: it was killed, and the configuration has
 * changed since.
 *
 * The kernel keeps our mark on them since Linux 5.18; without it nothing is removed, for it may be anybody's.
 */
import { formatInterfaceAddress } from "#base/prefix";
import { STEELYARD_ADDRESS_PROTOCOL } from "#core/netlink/address";
import type { Event } from "#core/observation/event";
import type { VirtualRouterConfig } from "#core/vrrp/config";
import type { NetlinkPort } from "#drivers/netlink/port";
import type { Links } from "#runtime/links";
import { allAddresses } from "./addresses.ts";

/** Looks at every interface; what these routers want stays for them to judge. */
export const sweep = (
  configs: readonly VirtualRouterConfig[],
  parts: {
    readonly netlink: NetlinkPort;
    readonly links: Links;
    readonly emit: (event: Event) => void;
  },
): void => {
  const present = parts.netlink.addresses();
  if (!present.ok) return;
  const wanted = new Set(
    configs.flatMap((config) =>
      allAddresses(config).map(
        (address) => `${formatInterfaceAddress(address)} ${address.device ?? config.interface}`,
      ),
    ),
  );
  for (const { address, prefixLength, linkIndex, protocol } of present.value) {
    if (protocol !== STEELYARD_ADDRESS_PROTOCOL) continue;
    // There the main thread has its own, and takes away what is left.
    if (parts.links.byIndex(linkIndex)?.loopback === true) continue;
    const text = formatInterfaceAddress({ address, prefixLength });
    const device = parts.links.byIndex(linkIndex)?.name ?? `link ${linkIndex}`;
    if (wanted.has(`${text} ${device}`)) continue;
    const removed = parts.netlink.removeAddress({ linkIndex, address: { address, prefixLength } });
    const detail = removed.ok
      ? `took ${text} off ${device}: an earlier run left it there`
      : `${text} is still on ${device}, where an earlier run left it: ${removed.error.code}`;
    parts.emit({ type: "process", part: "fast", change: "ready", detail });
  }
};
