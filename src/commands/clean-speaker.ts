/** What a speaker that was killed left on interfaces: addresses that it had bound there, until their lease ends. */
import { formatInterfaceAddress } from "#base/prefix";
import { LEASED_ADDRESS_PROTOCOL } from "#core/netlink/address";
import type { NetlinkPort } from "#drivers/netlink/port";
import { type Finder, type Leftover, unseen } from "#roles/edge/leftovers/leftover";

/** Finds them by their mark, which the kernel keeps since Linux 5.18, unless a speaker runs. `lock` is the speaker's. */
export const findBoundAddresses =
  (
    netlink: Pick<NetlinkPort, "addresses" | "links" | "removeAddress">,
    lock: () => { readonly taken: boolean },
  ): Finder =>
  async () => {
    const [links, addresses] = [netlink.links(), netlink.addresses()];
    if (!links.ok) return [unseen("addresses of a speaker", links.error.code)];
    if (!addresses.ok) return [unseen("addresses of a speaker", addresses.error.code)];
    const bound = addresses.value.filter(({ protocol }) => protocol === LEASED_ADDRESS_PROTOCOL);
    if (bound.length === 0) return [];
    if (!lock().taken)
      return [unseen("addresses of a speaker", "a speaker runs: stop it, which removes them")];
    const nameByIndex = new Map(links.value.map(({ index, name }) => [index, name]));
    return bound.map((address): Leftover => {
      const { linkIndex } = address;
      const link = nameByIndex.get(linkIndex) ?? `link ${linkIndex}`;
      return {
        what: `address ${formatInterfaceAddress(address)} on ${link}`,
        remove: async () => {
          const removed = netlink.removeAddress({ linkIndex, address });
          return removed.ok ? undefined : removed.error.code;
        },
      };
    });
  };
