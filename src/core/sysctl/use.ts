/** What the configuration asks of the host's network, as far as kernel settings are concerned. */
import { familyOf, type IpAddress, type IpFamily } from "#base/address";
import type { Desired } from "#core/config/desired";

/** An interface with a virtual MAC address, and the one that it stands on. */
export type VirtualMacUse = { readonly device: string; readonly lower: string };

/** Which interfaces do what. */
export type NetworkUse = {
  /** Every interface of the host; what is not here gets no setting. */
  readonly interfaces: readonly string[];
  /** Those of them that are bridges; `undefined` means none. */
  readonly bridges?: readonly string[];
  /** Interfaces on which packets of servers but those in `dsr` arrive: from clients, and answers from backends. */
  readonly forwarding: Readonly<Record<IpFamily, readonly string[]>>;
  /** Interfaces that get an IPv4 address with a prefix shorter than 32 bits from us. */
  readonly subnets: readonly string[];
  /** How IPVS chooses, where it carries virtual servers: some of them by hash, or none. */
  readonly ipvs?: "hashed" | "counted";
  readonly virtualMacs: readonly VirtualMacUse[];
};

/** What is known of the host. */
export type Host = {
  readonly interfaces: readonly string[];
  /** Those of them that are bridges; `undefined` means none. */
  readonly bridges?: readonly string[];
  /** The interfaces on which traffic for an address of ours arrives. */
  readonly ingress: (address: IpAddress) => readonly string[];
  /** The interface that leads to a machine, be it through a gateway; `undefined` when there is no route. */
  readonly egress: (address: IpAddress) => string | undefined;
  /** IPVS carries virtual servers. */
  readonly ipvs?: boolean;
};

const sorted = (names: readonly (string | undefined)[]): readonly string[] =>
  [...new Set(names.filter((name) => name !== undefined))].sort();

/** Works out which interfaces the configuration uses how. */
export const networkUse = ({ routers, servers }: Desired, host: Host): NetworkUse => {
  const subnets = routers.flatMap((router) =>
    [...router.addresses, ...router.unadvertisedAddresses]
      .filter(({ address, prefixLength }) => familyOf(address) === "IPv4" && prefixLength < 32)
      .map(({ device }) => device ?? router.interface),
  );
  const forwarding = (family: IpFamily): readonly string[] =>
    sorted(
      servers
        .filter(({ mode, address }) => mode !== "dsr" && familyOf(address) === family)
        .flatMap(({ address, backends }) => [
          ...host.ingress(address),
          ...backends.map((backend) => host.egress(backend.address)),
        ]),
    );
  return {
    interfaces: host.interfaces,
    ...(host.bridges === undefined || host.bridges.length === 0 ? {} : { bridges: host.bridges }),
    forwarding: { IPv4: forwarding("IPv4"), IPv6: forwarding("IPv6") },
    subnets: sorted(subnets),
    ...(host.ipvs === true && servers.length > 0
      ? { ipvs: servers.some(({ scheduler }) => "tableSize" in scheduler) ? "hashed" : "counted" }
      : {}),
    virtualMacs: routers.flatMap(({ interface: lower, virtualMacInterface: device }) =>
      device === undefined ? [] : [{ device, lower }],
    ),
  };
};
