/** Ready-made values for tests; each function takes what the test is about and fills in the rest. */
import { type IpAddress, parseAddress } from "#base/address";
import { assert } from "#base/assert";
import { parseInterfaceAddress } from "#base/prefix";
import { millis, seconds } from "#base/time";
import { parseVrid, type VirtualAddress, type VirtualRouterConfig, type Vrid } from "#core/vrrp/config";

/** The address that `text` spells. */
export const address = (text: string): IpAddress => {
  const parsed = parseAddress(text);
  assert(parsed !== undefined, "not an address", { text });
  return parsed;
};

/** The virtual router identifier `value`, 1..255. */
export const vrid = (value: number): Vrid => {
  const parsed = parseVrid(value);
  assert(parsed !== undefined, "not a VRID", { value });
  return parsed;
};

/** The virtual address that `text` (`ADDRESS/LENGTH`) spells, on the router's own interface. */
export const virtualAddress = (text: string): VirtualAddress => {
  const parsed = parseInterfaceAddress(text);
  assert(parsed !== undefined, "not an interface address", { text });
  return parsed;
};

/** A version 3 IPv4 router `v51` on `eth0`: VRID 51, priority 100, one second, 192.0.2.100/24, multicast. */
export const virtualRouter = (overrides: Partial<VirtualRouterConfig> = {}): VirtualRouterConfig => ({
  name: "v51",
  interface: "eth0",
  vrid: vrid(51),
  version: 3,
  family: "IPv4",
  priority: 100,
  advertisementInterval: seconds(1),
  preempt: true,
  preemptDelay: millis(0),
  transport: { type: "multicast" },
  acceptMode: true,
  checksum: "auto",
  addresses: [virtualAddress("192.0.2.100/24")],
  unadvertisedAddresses: [],
  track: [],
  gratuitous: { repeat: 3, interval: millis(10), delay: seconds(5), refresh: seconds(60) },
  ...overrides,
});
