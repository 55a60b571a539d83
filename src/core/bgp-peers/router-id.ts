/** The BGP Identifier of this node, where no peer says it. */
import { addressFromBytes, type IpAddress, type Ipv4Address, isIpv4 } from "#base/address";
import { hashName } from "#core/balance/name-hash";

/** The identifier, and where it comes from: an address of the node, or a number made from its name. */
export type RouterId = { readonly id: Ipv4Address; readonly from: "address" | "name" };

const SEED = 0x62_67_70_69;

/** 32 bits that are the same whenever they are asked for; never 0.0.0.0, which no peer takes. */
const fromName = (name: string): Ipv4Address => {
  const bits = hashName(name, SEED) || 1;
  const id = addressFromBytes(
    Uint8Array.of(bits >>> 24, (bits >>> 16) & 0xff, (bits >>> 8) & 0xff, bits & 0xff),
  );
  return id as Ipv4Address;
};

/** The first IPv4 address of the node; a node without one gets a number made from its name. */
export const routerIdOf = ({
  name,
  internalIps,
}: {
  readonly name: string;
  readonly internalIps: readonly IpAddress[];
}): RouterId => {
  const address = internalIps.find(isIpv4);
  return address === undefined ? { id: fromName(name), from: "name" } : { id: address, from: "address" };
};
