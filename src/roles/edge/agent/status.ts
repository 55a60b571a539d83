/** Puts together what is wanted and what is true into the status that people read. */
import type {
  BackendStatus,
  CheckStatus,
  DrainStatus,
  RouterStatus,
  ServerStatus,
  Status,
} from "#api/status";
import { VERSION } from "#base/version";
import { backendKey, type Carrier, isHash, type Scheduler, type VirtualServer } from "#core/balance/model";
import { formatPorts } from "#core/balance/ports";
import type { Desired, TrackedCheck } from "#core/config/desired";
import { questionOf } from "#core/health/question";
import { worstCase, worstCaseRemoval } from "#core/health/worst-case";
import { find, type View } from "#core/observation/view";
import type { BgpFacts } from "#core/speaker/bgp-facts";
import type { VirtualRouterConfig } from "#core/vrrp/config";
import type { WireFacts } from "../messages.ts";
import type { EdgeOptions } from "../options.ts";
import { bgpStatus } from "./bgp-status.ts";

/** What the agent knows when it is asked. */
export type Knowledge = {
  readonly program: EdgeOptions["program"];
  readonly view: View;
  readonly desired: Desired;
  readonly wire: WireFacts;
  readonly agent: { readonly pid: number; readonly startedAt: number };
  /** How each BGP peer is. */
  readonly bgp: BgpFacts;
  /** Packets dropped and not sent, as `WHAT ROUTER REASON`. */
  readonly counts: Readonly<Record<string, number>>;
};

const routerStatus = (router: VirtualRouterConfig, view: View): RouterStatus => {
  const seen = find(view.routers, router.name);
  const held = new Set<string>(seen?.addresses ?? []);
  return {
    name: router.name,
    interface: router.interface,
    vrid: router.vrid,
    version: router.version,
    family: router.family,
    state: seen?.state ?? "initialize",
    since: seen?.since ?? 0,
    reason: seen?.reason ?? "not-started",
    ...(seen?.peer === undefined ? {} : { peer: seen.peer }),
    priority: router.priority,
    effectivePriority: seen?.priority ?? router.priority,
    failed: seen?.failed ?? [],
    advertisementInterval: router.advertisementInterval,
    addresses: [...router.addresses, ...router.unadvertisedAddresses].map(({ address, prefixLength }) => ({
      address: `${address}/${prefixLength}`,
      held: held.has(address),
    })),
    conflicts: Object.values(seen?.conflicts ?? {}),
    ...(seen?.waiting === undefined ? {} : { waiting: seen.waiting }),
    takeovers: seen?.takeovers ?? 0,
  };
};

const schedulerText = (scheduler: Scheduler): string =>
  isHash(scheduler) ? `${scheduler.type} (${scheduler.tableSize} slots)` : scheduler.type;

const because = (reason: string | undefined, detail: string | undefined): { reason?: string } => {
  if (reason === undefined) return detail === undefined ? {} : { reason: detail };
  return { reason: detail === undefined ? reason : `${reason}: ${detail}` };
};

const backendStatus = (server: VirtualServer, view: View): BackendStatus[] =>
  server.backends.map((backend) => {
    const seen = view.backends[backendKey(server.name, backend.name)];
    const { name, address, port, weight } = backend;
    const configured = { name, address, ...(port === undefined ? {} : { port }), weight };
    if (server.health === undefined) return { ...configured, health: "unchecked", since: 0 };
    const health = seen?.state ?? "unknown";
    return {
      ...configured,
      health,
      since: seen?.since ?? 0,
      ...because(seen?.reason, seen?.detail),
    };
  });

const engineStatus = (carrier: Carrier | undefined): Pick<ServerStatus, "engine" | "engineReason"> => ({
  engine: carrier?.engine ?? "nftables",
  ...(carrier?.because === undefined ? {} : { engineReason: carrier.because }),
});

const drainStatus = (server: VirtualServer, view: View, counts: Knowledge["counts"]): DrainStatus[] => {
  const prefix = backendKey(server.name, "");
  return Object.entries(view.drains)
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, drain]) => {
      const openFlows = drain.state === "draining" ? counts[`open-flows ${key}`] : undefined;
      return {
        backend: key.slice(prefix.length),
        ...drain,
        ...(openFlows === undefined ? {} : { openFlows }),
      };
    });
};

/** Where new connections go when none of these backends can take them, as `core/balance/plan` decides it. */
const whenNone = (
  { sorryServer, whenAllFail }: VirtualServer,
  backends: readonly BackendStatus[],
): Pick<ServerStatus, "whenNone"> => {
  const hopeful = backends.filter(({ weight }) => weight > 0);
  if (hopeful.some(({ health }) => health !== "failed")) return {};
  if (sorryServer !== undefined) return { whenNone: "sorry-server" };
  // One of weight 0 that is healthy proves that it is not this box which is cut off.
  const allFailed = hopeful.length > 0 && backends.every(({ health }) => health === "failed");
  return { whenNone: allFailed && whenAllFail !== "reject" ? "failed-backends" : "refused" };
};

const serverStatus = (server: VirtualServer, view: View, counts: Knowledge["counts"]): ServerStatus => {
  const backends = backendStatus(server, view);
  return {
    name: server.name,
    address: server.address,
    protocol: server.protocol,
    ports: formatPorts(server.ports),
    mode: server.mode,
    scheduler: schedulerText(server.scheduler),
    ...engineStatus(find(view.carriers, server.name)),
    ...(server.health === undefined ? {} : { worstCaseRemoval: worstCaseRemoval(server.health) }),
    backends,
    drains: drainStatus(server, view, counts),
    ...whenNone(server, backends),
    ...(server.sorryServer === undefined ? {} : { sorryServer: server.sorryServer }),
  };
};

const checkStatus = ({ name, health, target }: TrackedCheck, view: View): CheckStatus => {
  const seen = find(view.checks, name);
  const { wait, removal } = worstCase(health);
  return {
    name,
    health: seen?.state ?? "unknown",
    since: seen?.since ?? 0,
    ...because(seen?.reason, seen?.detail),
    asks: questionOf(health.probe, target),
    worstCase: wait + removal,
  };
};

/** The status at wall time `now`. */
export const statusOf = (
  { program, view, desired, wire, agent, counts, bgp }: Knowledge,
  now: number,
): Status => ({
  role: "edge",
  ...(program === "vip" ? { program } : {}),
  version: VERSION,
  now,
  wire: { pid: wire.pid, startedAt: wire.startedAt },
  agent,
  config: view.config,
  forwarding: view.forwarding,
  routers: desired.routers.map((router) => routerStatus(router, view)),
  servers: desired.servers.map((server) => serverStatus(server, view, counts)),
  checks: desired.checks.map((check) => checkStatus(check, view)),
  ...bgpStatus({ view, desired, bgp }),
  ...(view.sync === undefined || desired.syncs.length === 0 ? {} : { connectionSync: view.sync }),
});
