/** From a `ControlPlaneEndpoint` to what the edge runs for it on this machine. */
import { familyOf, type IpAddress, type IpFamily } from "#base/address";
import type { InterfaceAddress } from "#base/prefix";
import { millis } from "#base/time";
import { backendKey, type VirtualServer } from "#core/balance/model";
import { onePort } from "#core/balance/ports";
import type { TrackedCheck } from "#core/config/desired";
import { routerOf } from "#core/config/resolve-router";
import { serverOf } from "#core/config/resolve-server";
import type { EndpointSpec } from "#core/config/schema-endpoint";
import type { RouterSpec } from "#core/config/schema-router";
import type { ServerSpec } from "#core/config/schema-server";
import { STANDARD_ROUTER, STANDARD_SERVER } from "#core/config/standard";
import type { HealthCheckConfig, ProbeKind } from "#core/health/config";
import type { VirtualRouterConfig } from "#core/vrrp/config";
import { type Host, ownAddress } from "./host.ts";
import { lonePriority, rankedPriority, UNKNOWN_PRIORITY } from "./ranks.ts";

/** What one endpoint comes to. */
export type Expansion = {
  readonly routers: readonly VirtualRouterConfig[];
  readonly checks: readonly TrackedCheck[];
  readonly servers: readonly VirtualServer[];
};

/** Pause before a server that has not answered well is asked again. */
const RETRY_DELAY = millis(200);

/**
 * Answers of an API server that works. 401 and 403: it lets nobody ask without credentials, as on k3s and RKE2; then nothing but
 * connection, certificate and time is seen. 429: it has too much to do, which is
 * no reason to send its clients to another one that then has more.
 */
const WORKING = [
  { from: 200, to: 299 },
  { from: 401, to: 401 },
  { from: 403, to: 403 },
  { from: 429, to: 429 },
];

const probeOf = ({ check, path, serverName, caFile }: EndpointSpec["apiServer"]): ProbeKind =>
  check === "tcp"
    ? { type: "tcp" }
    : {
        type: "https",
        ...{ path, host: serverName, serverName, statuses: WORKING, verify: caFile !== undefined },
        ...(caFile === undefined ? {} : { caFile }),
      };

/** How every API server is asked: `fall` questions in a row make one round, so that a refusal is believed within a second. */
export const apiServerHealth = (apiServer: EndpointSpec["apiServer"]): HealthCheckConfig => ({
  probe: probeOf(apiServer),
  interval: apiServer.interval,
  timeout: apiServer.timeout,
  retries: apiServer.fall - 1,
  retryDelay: RETRY_DELAY,
  rise: apiServer.rise,
  fall: 1,
});

/**
 * How they are asked whether to get new connections. One that is to end says so at `/readyz` at once, and at `/livez` only by not
 * listening any more; one that has just been started is alive before it is ready.
 */
const balancedHealth = (apiServer: EndpointSpec["apiServer"]): HealthCheckConfig =>
  apiServerHealth({ ...apiServer, path: apiServer.path.replace(/^\/livez(?![a-z])/, "/readyz") });

const FAMILIES: readonly IpFamily[] = ["IPv4", "IPv6"];

/** One family of an endpoint, and who we are in it. */
type Part = {
  readonly family: IpFamily;
  readonly addresses: readonly InterfaceAddress[];
  readonly peers: readonly IpAddress[];
  readonly own: IpAddress | undefined;
};

const partsOf = (spec: EndpointSpec, host: Host): readonly Part[] => {
  const virtual = new Set(spec.addresses.map(({ address }) => address));
  return FAMILIES.flatMap((family) => {
    const addresses = spec.addresses.filter(({ address }) => familyOf(address) === family);
    if (addresses.length === 0) return [];
    const peers = spec.peers.filter((peer) => familyOf(peer) === family);
    const own = ownAddress(host, { interface: spec.interface, family, virtual, peers });
    return [{ family, addresses, peers, own }];
  });
};

/** Of two families the first decides for both: routers that change state together must not each prefer another host. */
const priorityOf = ({ priority }: EndpointSpec, parts: readonly Part[]): number => {
  const [first] = parts;
  if (priority !== undefined) return priority;
  if (first?.own === undefined) return UNKNOWN_PRIORITY;
  return first.peers.length === 0 ? lonePriority(first.own) : rankedPriority(first.own, first.peers);
};

/** The names of what an endpoint comes to. */
const checkName = (name: string): string => `${name}-api-server`;
const partName = (name: string, family: IpFamily): string => `${name}-${family.toLowerCase()}`;

const routerSpecOf = (
  { name, spec }: Named,
  { addresses, peers, own }: Part,
  parts: readonly Part[],
): RouterSpec => {
  const others = peers.filter((peer) => peer !== own);
  return {
    ...STANDARD_ROUTER,
    ...{ interface: spec.interface, vrid: spec.vrid, addresses: [...addresses] },
    ...{ priority: priorityOf(spec, parts), preempt: spec.preempt },
    advertisementInterval: spec.advertisementInterval,
    // Peers let in only whom they list, and they list this address.
    ...(others.length === 0
      ? {}
      : { unicast: { peers: others }, ...(own === undefined ? {} : { sourceAddress: own }) }),
    track: { interfaces: [], checks: [{ name: checkName(name) }] },
    ...(parts.length > 1 ? { syncGroup: name } : {}),
  };
};

type Named = { readonly name: string; readonly spec: EndpointSpec };

/** The virtual routers of an endpoint as they would be written down, each with its name. */
export const routerSpecs = (
  named: Named,
  host: Host,
): readonly { readonly name: string; readonly spec: RouterSpec }[] => {
  const parts = partsOf(named.spec, host);
  return parts.map((part) => ({
    name: partName(named.name, part.family),
    spec: routerSpecOf(named, part, parts),
  }));
};

const serversOf = (
  { name, spec }: Named,
  { family, addresses, peers, own }: Part,
): readonly VirtualServer[] => {
  const { port } = spec.apiServer;
  const hosts = [...new Set([...(own === undefined ? [] : [own]), ...peers])];
  const backends = hosts.map((address) => ({ address, port, weight: 1 }));
  return addresses.map(({ address }, index) => {
    const server: ServerSpec = { ...STANDARD_SERVER, address, port: onePort(port), backends };
    const ownName = `${partName(name, family)}${index === 0 ? "" : `-${index + 1}`}`;
    return { ...serverOf(ownName, server), health: balancedHealth(spec.apiServer) };
  });
};

/** What runs on this machine. While it does not know its own address yet, it stands behind all others. */
export const expand = (named: Named, host: Host): Expansion => {
  const { spec } = named;
  const parts = partsOf(spec, host);
  const servers = spec.balance ? parts.flatMap((part) => serversOf(named, part)) : [];
  const serves = servers.flatMap(({ name, backends }) =>
    backends.flatMap((backend) =>
      parts.some(({ own }) => own === backend.address) ? [backendKey(name, backend.name)] : [],
    ),
  );
  return {
    routers: routerSpecs(named, host).map(({ name, spec: router }) => routerOf(name, router)),
    checks: [
      {
        name: checkName(named.name),
        health: apiServerHealth(spec.apiServer),
        target: { address: spec.apiServer.address, port: spec.apiServer.port },
        isOfThisBox: true,
        ...(serves.length === 0 ? {} : { serves }),
      },
    ],
    servers,
  };
};
