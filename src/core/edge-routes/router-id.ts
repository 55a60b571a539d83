/** The BGP Identifier of an edge, where no peer says it. */
import { compareAddresses, type IpAddress, type Ipv4Address, isIpv4 } from "#base/address";
import { routerIdOf } from "#core/bgp-peers/router-id";

/**
 * The lowest IPv4 address of this machine that is neither of the loopback network nor link-local nor virtual, so that it is the
 * same after a restart and another on every edge; without any, a number made from the name of the machine.
 */
export const edgeRouterId = ({
  name,
  addresses,
  virtual,
}: {
  /** Of the machine. */
  readonly name: string;
  /** Of its interfaces. */
  readonly addresses: Iterable<IpAddress>;
  /** Those that other machines may have as well. */
  readonly virtual: ReadonlySet<IpAddress>;
}): Ipv4Address => {
  const own = [...addresses].filter(
    (address) =>
      isIpv4(address) &&
      !address.startsWith("127.") &&
      !address.startsWith("169.254.") &&
      !virtual.has(address),
  );
  return routerIdOf({ name, internalIps: own.sort(compareAddresses) }).id;
};
