/** Where masqueraded connections come from, given what else there is. */
import { familyOf, type IpAddress } from "#base/address";
import type { VirtualServer } from "#core/balance/model";
import { createHoldings, isTakenByDsr, movingWith } from "#core/balance/source";
import type { VirtualRouterConfig } from "#core/vrrp/config";
import { error, type Finding, type Problem, warning } from "./problem.ts";

type Surroundings = {
  readonly routers: readonly VirtualRouterConfig[];
  readonly servers: readonly VirtualServer[];
  /** Whether something could not be read, so that what seems missing may be there. */
  readonly incomplete: boolean;
  /** Whether a backend holds an address of ours for a `dsr` server. */
  readonly isHeldBy: (address: IpAddress, backend: IpAddress) => boolean;
};

type Placed<Value> = { readonly document: number; readonly value: Value };

/** The first backend that would drop what comes from this address, as it holds it itself. */
const holderOf = (
  source: IpAddress,
  { backends }: VirtualServer,
  { isHeldBy }: Surroundings,
): VirtualServer["backends"][number] | undefined =>
  backends.find((backend) => isHeldBy(source, backend.address));

const chosenFindings = (
  server: VirtualServer,
  source: IpAddress,
  surroundings: Surroundings,
): readonly Finding[] => {
  const { routers, servers, incomplete } = surroundings;
  const path = ["spec", "masqueradeAddress"];
  if (isTakenByDsr(source, server, servers)) {
    const message = `a dsr server of ${source} would take the answers`;
    return [error(path, message, "Give an address that has no dsr server of this protocol.")];
  }
  const holder = holderOf(source, server, surroundings);
  if (holder !== undefined) {
    const message = `${holder.address} holds ${source} itself, for a dsr server, and would drop what comes from it`;
    return [error(path, message, "Give an address that has no dsr server with this backend.")];
  }
  const isTogether = movingWith(server.address, routers).some((router) =>
    movingWith(source, routers).includes(router),
  );
  if (isTogether || incomplete) return [];
  const message = `${source} does not move together with ${server.address}`;
  const hint = "Let one VirtualRouter hold both, or give their routers the same syncGroup.";
  return [
    movingWith(source, routers).length === 0 ? warning(path, message, hint) : error(path, message, hint),
  ];
};

/** Without an address of its choice the edge takes its own where none that moves will do, and connections break. */
const ownFindings = (server: VirtualServer, surroundings: Surroundings): readonly Finding[] => {
  const { address } = server;
  const { routers, servers, isHeldBy } = surroundings;
  const holder = holderOf(address, server, surroundings);
  if (holder === undefined) return [];
  const others = movingWith(address, routers)
    .flatMap((router) => [...router.addresses, ...router.unadvertisedAddresses])
    .filter((other) => familyOf(other.address) === familyOf(address));
  const isFree = (other: IpAddress): boolean =>
    !isHeldBy(other, holder.address) && !isTakenByDsr(other, server, servers);
  if (others.length === 0 || others.some((other) => isFree(other.address))) return [];
  const message = `${holder.address} holds ${address} itself, for a dsr server, so it gets connections from the edge's own address, and they break in a takeover`;
  const hint = "Let the VirtualRouter hold another address, without a dsr server, for masqueradeAddress.";
  return [warning(["spec", "mode"], message, hint)];
};

/** What is wrong with where the connections of servers in mode `masquerade` come from. */
export const masqueradeProblems = (given: {
  readonly routers: readonly Placed<VirtualRouterConfig>[];
  readonly servers: readonly Placed<VirtualServer>[];
  readonly incomplete: boolean;
}): readonly Problem[] => {
  const servers = given.servers.map(({ value }) => value);
  const surroundings: Surroundings = {
    routers: given.routers.map(({ value }) => value),
    servers,
    incomplete: given.incomplete,
    isHeldBy: createHoldings(servers),
  };
  return given.servers.flatMap(({ document, value }) => {
    const { masqueradeAddress: source, mode, address } = value;
    if (mode !== "masquerade") return [];
    if (source === undefined)
      return ownFindings(value, surroundings).map((finding) => ({ ...finding, document }));
    if (familyOf(source) !== familyOf(address)) return [];
    return chosenFindings(value, source, surroundings).map((finding) => ({ ...finding, document }));
  });
};
