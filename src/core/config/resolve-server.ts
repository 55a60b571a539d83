/** From a checked `VirtualServer` to the server that runs. */
import { type IpAddress, isIpv4 } from "#base/address";
import type { Backend, Scheduler, VirtualServer } from "#core/balance/model";
import { particularity } from "#core/balance/ports";
import { healthOf } from "./resolve-health.ts";
import type { ServerSpec } from "./schema-server.ts";

/** Slots of the consistent hash table unless the operator says otherwise. */
export const DEFAULT_TABLE_SIZE = 1021;

/** `ADDRESS:PORT`, or `[ADDRESS]:PORT` for IPv6: a name that every edge derives alike. */
const defaultBackendName = (address: IpAddress, port: number | undefined): string => {
  if (port === undefined) return address;
  return isIpv4(address) ? `${address}:${port}` : `[${address}]:${port}`;
};

const schedulerOf = ({ scheduler, tableSize }: ServerSpec): Scheduler =>
  scheduler === "consistent-hash" || scheduler === "source-hash"
    ? { type: scheduler, tableSize: tableSize ?? DEFAULT_TABLE_SIZE }
    : { type: scheduler };

/** The port of a machine that lists none: the server's, or with several the one that the client asked for. */
const portOf = (spec: ServerSpec, port: number | undefined): { readonly port?: number } => {
  const only = port ?? (particularity(spec.port) === "one" ? spec.port.first : undefined);
  return only === undefined ? {} : { port: only };
};

/** The backends that a `VirtualServer` lists, names and ports filled in. */
export const backendsOf = (spec: ServerSpec): readonly Backend[] =>
  spec.backends.map((backend) => {
    const { port } = portOf(spec, backend.port);
    const { name = defaultBackendName(backend.address, port), address, weight } = backend;
    return { name, address, ...(port === undefined ? {} : { port }), weight };
  });

const persistenceOf = ({ address, persistence }: ServerSpec): Pick<VirtualServer, "persistence"> => {
  if (persistence === undefined) return {};
  const { timeout, prefixLengthIpv4, prefixLengthIpv6 } = persistence;
  return { persistence: { timeout, prefixLength: isIpv4(address) ? prefixLengthIpv4 : prefixLengthIpv6 } };
};

const limitsOf = ({ address, limits }: ServerSpec): Pick<VirtualServer, "limits"> => {
  if (limits === undefined) return {};
  const { connectionsPerSource: connections, newConnectionsPerSource: newConnections } = limits;
  return {
    limits: {
      prefixLength: isIpv4(address) ? limits.prefixLengthIpv4 : limits.prefixLengthIpv6,
      ...(connections === undefined ? {} : { connections }),
      ...(newConnections === undefined ? {} : { newConnections }),
    },
  };
};

/** The server that a `VirtualServer` describes; the schema has checked every range. */
export const serverOf = (name: string, spec: ServerSpec): VirtualServer => ({
  name,
  address: spec.address,
  protocol: spec.protocol === "TCP" ? "tcp" : "udp",
  ports: spec.port,
  mode: spec.mode,
  scheduler: schedulerOf(spec),
  ...(spec.masqueradeAddress === undefined ? {} : { masqueradeAddress: spec.masqueradeAddress }),
  ...(spec.sourceRanges === undefined ? {} : { sourceRanges: spec.sourceRanges }),
  backends: backendsOf(spec),
  whenAllFail: spec.whenAllFail,
  ...(spec.drainTimeout === undefined ? {} : { drainTimeout: spec.drainTimeout }),
  ...(spec.sorryServer === undefined
    ? {}
    : { sorryServer: { address: spec.sorryServer.address, ...portOf(spec, spec.sorryServer.port) } }),
  ...persistenceOf(spec),
  ...limitsOf(spec),
  ...(spec.synProxy ? { synProxy: true } : {}),
  ...(spec.health === undefined ? {} : { health: healthOf(spec.health) }),
});
