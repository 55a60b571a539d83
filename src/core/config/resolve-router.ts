/** From a checked `VirtualRouter` to the router that runs. */

import { familyOf, type IpAddress } from "#base/address";
import { assert, at } from "#base/assert";
import type { InterfaceAddress } from "#base/prefix";
import {
  parseVrid,
  type Tracked,
  type Transport,
  type VirtualAddress,
  type VirtualRouterConfig,
  type Vrid,
} from "#core/vrrp/config";
import type { RouterSpec } from "./schema-router.ts";

type AddressSpec = RouterSpec["addresses"][number];

/** The address of either spelling: bare text, or a section with device and label. */
export const interfaceAddressOf = (spec: AddressSpec): InterfaceAddress =>
  "prefixLength" in spec ? spec : spec.address;

/** The interface with the virtual MAC address; `undefined` without one. */
export const virtualMacInterfaceOf = (spec: RouterSpec): string | undefined => {
  if (!spec.virtualMac) return undefined;
  const prefix = familyOf(firstAddressOf(spec)) === "IPv4" ? "vrrp" : "vrrp6";
  return spec.virtualMacInterface ?? `${prefix}.${spec.vrid}`;
};

/** The address that decides the router's family. */
export const firstAddressOf = (spec: RouterSpec): IpAddress =>
  interfaceAddressOf(at(spec.addresses, 0)).address;

const virtualAddressOf = (spec: AddressSpec, virtualMacInterface: string | undefined): VirtualAddress => {
  const own = virtualMacInterface === undefined ? {} : { device: virtualMacInterface };
  if ("prefixLength" in spec) return { ...spec, ...own };
  const { address, ...rest } = spec;
  return { ...address, ...own, ...rest };
};

const trackedOf = (
  kind: "interface" | "check",
  { name, weight }: RouterSpec["track"]["checks"][number],
): Tracked => ({
  subject: { kind, name },
  effect: weight === undefined ? { type: "fault" } : { type: "weight", weight },
});

const transportOf = ({ unicast }: RouterSpec): Transport =>
  unicast === undefined ? { type: "multicast" } : { type: "unicast", peers: unicast.peers };

const vridOf = (value: number): Vrid => {
  const vrid = parseVrid(value);
  assert(vrid !== undefined, "the schema let a vrid pass", { value });
  return vrid;
};

/** The router that a `VirtualRouter` describes; the schema has checked every range. */
export const routerOf = (name: string, spec: RouterSpec): VirtualRouterConfig => {
  const virtualMacInterface = virtualMacInterfaceOf(spec);
  return {
    name,
    interface: spec.interface,
    vrid: vridOf(spec.vrid),
    version: spec.version === 2 ? 2 : 3,
    family: familyOf(firstAddressOf(spec)),
    priority: spec.priority,
    advertisementInterval: spec.advertisementInterval,
    preempt: spec.preempt,
    preemptDelay: spec.preemptDelay,
    transport: transportOf(spec),
    acceptMode: spec.acceptMode,
    ...(virtualMacInterface === undefined ? {} : { virtualMacInterface }),
    ...(spec.sourceAddress === undefined ? {} : { sourceAddress: spec.sourceAddress }),
    checksum: spec.checksum,
    ...(spec.authentication === undefined ? {} : { password: spec.authentication.simplePassword }),
    addresses: spec.addresses.map((address) => virtualAddressOf(address, virtualMacInterface)),
    unadvertisedAddresses: spec.unadvertisedAddresses.map((address) =>
      virtualAddressOf(address, virtualMacInterface),
    ),
    track: [
      ...spec.track.interfaces.map((tracked) => trackedOf("interface", tracked)),
      ...spec.track.checks.map((tracked) => trackedOf("check", tracked)),
    ],
    ...(spec.syncGroup === undefined ? {} : { syncGroup: spec.syncGroup }),
    gratuitous: spec.gratuitous,
  };
};
