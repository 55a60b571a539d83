/**
 * Which virtual address a server in mode `masquerade` shows its backends.
 *
 * With an address of the edge's own there, a takeover would give every connection another source, and backends would
 * reset them. So it is an address that moves together with the server's, which the next edge has as well. It must lie on
 * the network of the backend, or of the gateway to it, for only then it is certain that answers find back.
 */
import { familyOf, type IpAddress } from "#base/address";
import { addressBits, contains, type InterfaceAddress } from "#base/prefix";
import type { VirtualRouterConfig } from "#core/vrrp/config";
import type { VirtualServer } from "./model.ts";

/** What is known of the network, and of what else the addresses are used for. */
export type SourceInputs = {
  readonly routers: readonly VirtualRouterConfig[];
  readonly servers: readonly VirtualServer[];
  /** The addresses of this machine's interfaces, with the networks they are on. */
  readonly networks: readonly InterfaceAddress[];
  /** Who a packet to this address is given to next: itself or a gateway; `undefined` when there is no route. */
  readonly nextHop: (address: IpAddress) => IpAddress | undefined;
};

const addressesOf = (router: VirtualRouterConfig): readonly InterfaceAddress[] => [
  ...router.addresses,
  ...router.unadvertisedAddresses,
];

/** The routers that become active together with the one that holds `address`, itself included. */
export const movingWith = (
  address: IpAddress,
  routers: readonly VirtualRouterConfig[],
): readonly VirtualRouterConfig[] => {
  const holders = routers.filter((router) => addressesOf(router).some((held) => held.address === address));
  const groups = new Set(holders.flatMap(({ syncGroup }) => syncGroup ?? []));
  return routers.filter(
    (router) => holders.includes(router) || (router.syncGroup !== undefined && groups.has(router.syncGroup)),
  );
};

/**
 * Whether answers to an address of ours could be taken for what clients send: a `dsr` server takes packets before
 * anybody asks whose connection they belong to.
 */
export const isTakenByDsr = (
  address: IpAddress,
  { protocol }: Pick<VirtualServer, "protocol">,
  servers: readonly VirtualServer[],
): boolean =>
  servers.some(
    (server) => server.mode === "dsr" && server.address === address && server.protocol === protocol,
  );

/**
 * Whether a backend holds an address of ours itself, as every backend of a `dsr` server must: then it drops, as its
 * own, what comes to it from there, whatever the protocol is.
 */
export const createHoldings = (
  servers: readonly VirtualServer[],
): ((address: IpAddress, backend: IpAddress) => boolean) => {
  const backendsByAddress = new Map<IpAddress, Set<IpAddress>>();
  for (const { mode, address, backends } of servers) {
    if (mode !== "dsr") continue;
    const held = backendsByAddress.get(address) ?? new Set<IpAddress>();
    backendsByAddress.set(address, held);
    for (const backend of backends) held.add(backend.address);
  }
  return (address, backend) => backendsByAddress.get(address)?.has(backend) === true;
};

const isNetwork = ({ address, prefixLength }: InterfaceAddress): boolean =>
  prefixLength < addressBits(address);

/** The choice for every backend; `undefined` where no virtual address will do. Answers are remembered. */
export const createSources = ({ routers, servers, networks, nextHop }: SourceInputs) => {
  const candidatesByServer = new Map<string, readonly InterfaceAddress[]>();
  const chosen = new Map<string, IpAddress | undefined>();
  const hopByBackend = new Map<IpAddress, IpAddress | undefined>();
  const isHeldBy = createHoldings(servers);

  const hopTo = (backend: IpAddress): IpAddress | undefined => {
    if (!hopByBackend.has(backend)) hopByBackend.set(backend, nextHop(backend));
    return hopByBackend.get(backend);
  };

  const candidatesOf = (server: VirtualServer): readonly InterfaceAddress[] => {
    const key = `${server.address} ${server.protocol}`;
    const known = candidatesByServer.get(key);
    if (known !== undefined) return known;
    const candidates = movingWith(server.address, routers)
      .flatMap(addressesOf)
      .filter(
        ({ address }) =>
          familyOf(address) === familyOf(server.address) && !isTakenByDsr(address, server, servers),
      );
    // Its own address first: an edge with one network has no other.
    candidates.sort(
      (left, right) => Number(right.address === server.address) - Number(left.address === server.address),
    );
    candidatesByServer.set(key, candidates);
    return candidates;
  };

  const choose = (server: VirtualServer, backend: IpAddress): IpAddress | undefined => {
    const candidates = candidatesOf(server);
    const hop = candidates.length === 0 ? undefined : hopTo(backend);
    if (hop === undefined) return undefined;
    const near = networks.filter((network) => isNetwork(network) && contains(network, hop));
    return candidates.find(
      (candidate) =>
        !isHeldBy(candidate.address, backend) &&
        ((isNetwork(candidate) && contains(candidate, hop)) ||
          near.some((network) => contains(network, candidate.address))),
    )?.address;
  };

  return (server: VirtualServer, backend: IpAddress): IpAddress | undefined => {
    const key = `${server.address} ${server.protocol} ${backend}`;
    if (!chosen.has(key)) chosen.set(key, choose(server, backend));
    return chosen.get(key);
  };
};
