/**
 * A planned virtual server as IPVS has it, or the reason why IPVS cannot carry it.
 *
 * | plan | IPVS |
 * |---|---|
 * | mode `nat` | masquerading (`-m`): the client's address stays |
 * | mode `dsr` | direct routing (`-g`) |
 * | mode `masquerade` | refused: IPVS never rewrites the client's address |
 * | `consistent-hash` | `mh` by address and port, with fallback |
 * | `source-hash` | `sh`, with fallback |
 * | `round-robin`, `weighted` | `rr`, `wrr` |
 * | `least-connections` | `wlc`, which is `lc` where all weights are equal |
 * | `persistence` | persistent (`-p`), in whole seconds; over all ports port 0 |
 * | backend that drains | weight 0 |
 * | backend that is unavailable | not there |
 *
 * Without fallback `sh` and `mh` refuse the flows that hash to a backend of weight 0 instead of giving them to others.
 */

import { addressBits } from "#base/prefix";
import { seconds } from "#base/time";
import type { PlannedBackend, ServerPlan } from "#core/balance/plan-model";
import { particularity } from "#core/balance/ports";
import { IP_VS_SVC_F_PERSISTENT, IP_VS_SVC_F_SCHED_FALLBACK, IP_VS_SVC_F_SCHED_PORT } from "./constants.ts";
import {
  destinationKey,
  type Forwarding,
  type IpvsDestination,
  type IpvsService,
  type ServiceState,
} from "./model.ts";

/** A server as a service, or half a sentence that says why not. */
export type Translation =
  | { readonly ok: true; readonly value: ServiceState }
  | { readonly ok: false; readonly reason: string };

type KernelScheduler = Pick<IpvsService, "scheduler" | "flags">;

const FORWARDING: ReadonlyMap<string, Forwarding> = new Map([
  ["nat", "nat"],
  ["dsr", "direct"],
]);

const SCHEDULERS: ReadonlyMap<string, KernelScheduler> = new Map([
  ["consistent-hash", { scheduler: "mh", flags: IP_VS_SVC_F_SCHED_FALLBACK | IP_VS_SVC_F_SCHED_PORT }],
  ["source-hash", { scheduler: "sh", flags: IP_VS_SVC_F_SCHED_FALLBACK }],
  ["round-robin", { scheduler: "rr", flags: 0 }],
  ["weighted", { scheduler: "wrr", flags: 0 }],
  ["least-connections", { scheduler: "wlc", flags: 0 }],
]);

/**
 * What IPVS cannot do for a server that has such a property, or `undefined` where it can or need not. A new property
 * of the plan does not compile until somebody has decided what IPVS makes of it.
 */
const INCAPACITY: { readonly [Property in keyof Required<ServerPlan>]: string | undefined } = {
  ...{ name: undefined, address: undefined, protocol: undefined, ports: undefined, mode: undefined },
  ...{ scheduler: undefined, backends: undefined, slots: undefined, moves: undefined, tracked: undefined },
  sourceRanges: "it lets every client in",
  persistence: undefined,
  limits: "it keeps no limits of sources",
  synProxy: "it has no SYN proxy",
};

/** The port of the service; 0 is every port, which IPVS has for pinned clients only; `undefined` where it has none. */
const portOf = ({ ports, persistence }: ServerPlan): number | undefined => {
  const kind = particularity(ports);
  if (kind === "one") return ports.first;
  return kind === "all" && persistence !== undefined ? 0 : undefined;
};

/** How long clients stay with their destination, in the kernel's whole seconds, and who is one client. */
const pinOf = ({ address, persistence }: ServerPlan): Pick<IpvsService, "persistence" | "prefixLength"> =>
  persistence === undefined
    ? { persistence: 0, prefixLength: addressBits(address) }
    : {
        persistence: Math.max(1, Math.round(persistence.timeout / seconds(1))),
        prefixLength: persistence.prefixLength,
      };

/** Why IPVS cannot carry a server, in half a sentence; `undefined` when it can. */
const incapacity = (server: ServerPlan): string | undefined => {
  if (!FORWARDING.has(server.mode)) {
    return `it cannot ${server.mode}: it keeps the client's address (modes nat and dsr)`;
  }
  if (!SCHEDULERS.has(server.scheduler.type)) return `it has no scheduler ${server.scheduler.type}`;
  if (portOf(server) === undefined) {
    return "it serves one port each or, with persistence, all of them, not a range";
  }
  const given = Object.entries(server).filter(([, value]) => value !== undefined);
  const reasons = new Map<string, string | undefined>(Object.entries(INCAPACITY));
  return given.map(([property]) => reasons.get(property)).find((reason) => reason !== undefined);
};

/** The weight that a backend gets. The sorry server has one only while nobody else takes flows. */
const weightOf = (backend: PlannedBackend, isAlone: boolean): number => {
  if (backend.role === "sorry") return isAlone ? 1 : 0;
  return backend.availability === "draining" ? 0 : backend.weight;
};

/** The destinations of a server in the order of its backends; two backends at one address are one, with both shares. */
const destinationsOf = (
  server: ServerPlan,
  { port: servicePort, forwarding }: { readonly port: number; readonly forwarding: Forwarding },
): readonly IpvsDestination[] => {
  const there = server.backends.filter(({ availability }) => availability !== "unavailable");
  const isAlone = !there.some(
    ({ role, availability, weight }) => role === undefined && availability === "available" && weight > 0,
  );
  const destinationByKey = new Map<string, IpvsDestination>();
  for (const backend of there) {
    const { address, port = servicePort } = backend;
    const key = destinationKey({ address, port });
    const weight = weightOf(backend, isAlone) + (destinationByKey.get(key)?.weight ?? 0);
    destinationByKey.set(key, { address, port, forwarding, weight, limited: false });
  }
  return [...destinationByKey.values()];
};

/** Translates one server. */
export const translateServer = (server: ServerPlan): Translation => {
  const reason = incapacity(server);
  const forwarding = FORWARDING.get(server.mode);
  const scheduler = SCHEDULERS.get(server.scheduler.type);
  const port = portOf(server);
  if (reason !== undefined || forwarding === undefined || scheduler === undefined || port === undefined) {
    return { ok: false, reason: reason ?? "it cannot" };
  }
  const { address, protocol, persistence } = server;
  const flags = scheduler.flags | (persistence === undefined ? 0 : IP_VS_SVC_F_PERSISTENT);
  const service: IpvsService = { address, protocol, port, ...scheduler, flags, ...pinOf(server) };
  return { ok: true, value: { service, destinations: destinationsOf(server, { port, forwarding }) } };
};
