/**
 * Where everything is in a lab of three control-plane hosts.
 *
 * ```
 *          cl ─── sw ─┬─ m1 ─┬─ mg ─── et
 *                     ├─ m2 ─┤
 *                     └─ m3 ─┘
 * ```
 *
 * `m1` to `m3` run an API server each, and what holds the virtual addresses. The LAN of switch `sw` is 10.2.0.0/24 and fd02::/64:
 * client .2, hosts .11 to .13, virtual addresses from .100 on. etcd is in `et`, on a network of its own (10.9.0.0/24), as is the way
 * by which tests reach the API servers whatever happens to the LAN.
 */
import type { Topology } from "#lab/topology";
import { host, port } from "../lab/plan.ts";

export const MASTERS = ["m1", "m2", "m3"] as const;
export type MasterName = (typeof MASTERS)[number];

export const API_PORT = 6443;

/** One more for each program of a bench that runs beside others. */
export const VIRTUAL_ADDRESSES = ["10.2.0.100", "10.2.0.101", "10.2.0.102"] as const;
/** The address of tests, of both families. */
export const VIRTUAL_ADDRESS = VIRTUAL_ADDRESSES[0];
export const VIRTUAL_ADDRESS_6 = "fd02::100";

const numberOf = (name: MasterName): number => 11 + MASTERS.indexOf(name);

/** On the LAN. */
export const lanAddress = (name: MasterName): string => `10.2.0.${numberOf(name)}`;
export const lanAddress6 = (name: MasterName): string => `fd02::${numberOf(name)}`;
/** On the network of etcd. */
export const innerAddress = (name: MasterName): string => `10.9.0.${numberOf(name)}`;
export const ETCD_ADDRESS = "10.9.0.10";

/** What a certificate of an API server names besides its host's own addresses. */
export const servedAddresses = (name: MasterName): readonly string[] => [
  ...[innerAddress(name), "127.0.0.1", "::1"],
  ...VIRTUAL_ADDRESSES,
  VIRTUAL_ADDRESS_6,
];

/** The network. */
export const planMasters = (): Topology => ({
  switches: ["sw", "mg"],
  hosts: [
    host("cl", "client", { interfaces: [port("sw", 2, "eth0")] }),
    host("et", "control-plane", { interfaces: [port("mg", 10, "eth0")] }),
    ...MASTERS.map((name) =>
      host(name, "control-plane", {
        interfaces: [port("sw", numberOf(name), "eth0"), port("mg", numberOf(name), "eth1")],
      }),
    ),
  ],
});
