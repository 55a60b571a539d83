/** Virtual addresses that are still on an interface. */
import { familyOf, type IpAddress } from "#base/address";
import { formatInterfaceAddress } from "#base/prefix";
import { STEELYARD_ADDRESS_PROTOCOL } from "#core/netlink/address";
import type { VirtualRouterConfig } from "#core/vrrp/config";
import { PRIORITY_OWNER } from "#core/vrrp/constants";
import type { LinkAddress, NetlinkPort } from "#drivers/netlink/port";
import { type Finder, type Leftover, unseen } from "./leftover.ts";

/** An address as the interface `device` would carry it. */
const textOf = (address: Parameters<typeof formatInterfaceAddress>[0], device: string): string =>
  `${formatInterfaceAddress(address)} on ${device}`;

/** What an edge with this configuration would put on interfaces. */
export type ConfiguredAddresses = {
  readonly routers: readonly VirtualRouterConfig[];
  /** Those that routers are told of by BGP, which are on the loopback interface. */
  readonly loopback: readonly IpAddress[];
};

/** Addresses that only an edge brings: an owner's interface (RFC 9568 §6.1) has its own for good. */
const configuredOf = ({ routers, loopback }: ConfiguredAddresses): ReadonlySet<string> =>
  new Set([
    ...loopback.map((address) =>
      textOf({ address, prefixLength: familyOf(address) === "IPv4" ? 32 : 128 }, "lo"),
    ),
    ...routers
      .filter(({ priority }) => priority !== PRIORITY_OWNER)
      .flatMap((router) =>
        [...router.addresses, ...router.unadvertisedAddresses].map((address) =>
          textOf(address, address.device ?? router.interface),
        ),
      ),
  ]);

/**
 * Those that carry our mark, which the kernel keeps since Linux 5.18, and those that the configuration would put there: on an
 * older kernel only the configuration tells which are ours.
 */
export const findAddresses =
  (
    netlink: Pick<NetlinkPort, "addresses" | "links" | "removeAddress">,
    configuration: ConfiguredAddresses,
  ): Finder =>
  async () => {
    const [links, addresses] = [netlink.links(), netlink.addresses()];
    if (!links.ok) return [unseen("addresses", links.error.code)];
    if (!addresses.ok) return [unseen("addresses", addresses.error.code)];
    const nameByIndex = new Map(links.value.map(({ index, name }) => [index, name]));
    const configured = configuredOf(configuration);
    const leftover = (address: LinkAddress): Leftover[] => {
      const { linkIndex } = address;
      const text = textOf(address, nameByIndex.get(linkIndex) ?? `link ${linkIndex}`);
      if (address.protocol !== STEELYARD_ADDRESS_PROTOCOL && !configured.has(text)) return [];
      const remove = async (): Promise<string | undefined> => {
        const removed = netlink.removeAddress({ linkIndex, address });
        return removed.ok ? undefined : removed.error.code;
      };
      return [{ what: `address ${text}`, remove }];
    };
    return addresses.value.flatMap(leftover);
  };
