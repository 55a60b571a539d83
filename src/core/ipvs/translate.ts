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
 * | backend that drains | weight 0 |
 * | backend that is unavailable | not there |
 *
 * Without fallback `sh` and `mh` refuse the flows that hash to a backend of weight 0 instead of giving them to others.
 */
import { addressBits } from "#base/prefix";
import type { PlannedBackend, ServerPlan } from "#core/balance/plan-model";
import { particularity } from "#core/balance/ports";
import { IP_VS_SVC_F_SCHED_FALLBACK, IP_VS_SVC_F_SCHED_PORT } from "./constants.ts";
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

const destinationOf = (
  backend: PlannedBackend,
  { port, forwarding }: { readonly port: number; readonly forwarding: Forwarding },
): IpvsDestination => ({
  address: backend.address,
  port: backend.port ?? port,
  forwarding,
  weight: backend.availability === "draining" ? 0 : backend.weight,
  limited: false,
});

/** Translates one server. Its destinations are in the order of its backends. */
export const translateServer = (server: ServerPlan): Translation => {
  const forwarding = FORWARDING.get(server.mode);
  if (forwarding === undefined) {
    return {
      ok: false,
      reason: `it cannot ${server.mode}: it keeps the client's address (modes nat and dsr)`,
    };
  }
  const scheduler = SCHEDULERS.get(server.scheduler.type);
  if (scheduler === undefined) return { ok: false, reason: `it has no scheduler ${server.scheduler.type}` };
  if (particularity(server.ports) !== "one")
    return { ok: false, reason: "it serves one port each, not a range of them" };
  if (server.sourceRanges !== undefined) return { ok: false, reason: "it lets every client in" };
  const { address, protocol } = server;
  const port = server.ports.first;
  const destinations = server.backends
    .filter(({ availability }) => availability !== "unavailable")
    .map((backend) => destinationOf(backend, { port, forwarding }));
  if (new Set(destinations.map(destinationKey)).size < destinations.length) {
    return { ok: false, reason: "two of its backends have the same address and port" };
  }
  return {
    ok: true,
    value: {
      service: {
        address,
        protocol,
        port,
        ...scheduler,
        persistence: 0,
        prefixLength: addressBits(address),
      },
      destinations,
    },
  };
};
