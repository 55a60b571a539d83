/** What the XDP engine must know of the network, as it does itself what the kernel would do behind it. */
import type { IpAddress } from "#base/address";
import type { MacAddress } from "#base/mac";

/** An Ethernet interface. */
export type Way = { readonly index: number; readonly mac: MacAddress; readonly mtu: number };

/** Interfaces and neighbours, as the kernel knows them now. */
export type Surroundings = {
  /** An interface by name; `undefined` when there is none, or it is not Ethernet. */
  readonly way: (device: string) => Way | undefined;
  /** The Ethernet address of a neighbour; `undefined` while the kernel does not know it. */
  readonly neighbour: (index: number, address: IpAddress) => MacAddress | undefined;
};
