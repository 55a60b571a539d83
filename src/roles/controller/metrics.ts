/** A controller's metrics, ours and on request under MetalLB's names. */
import { VERSION } from "#base/version";
import {
  CONTROLLER_METRICS,
  type ControllerMetric,
  METALLB_METRICS,
  type MetallbMetric,
} from "#core/allocation-metrics/names";
import type { ControllerView } from "#core/controller/view";
import { type Histogram, renderMetrics, type Sample } from "#core/metrics/exposition";
import { counted, familiesOf, sample, type Values } from "#runtime/cluster/metric-families";
import type { PoolUse, ServiceCounts } from "./counts.ts";

/** Everything that metrics are made of; pools and Services are known to the leader only. */
export type Facts = {
  readonly view: ControllerView;
  readonly shadow: boolean;
  readonly ruling: { readonly pools: readonly PoolUse[]; readonly services: ServiceCounts } | undefined;
  readonly conflicts: number;
  readonly waitingWrites: number;
  readonly latencies: Histogram;
  /** Requests to the API server: their labels and how many there were. */
  readonly requests: readonly Sample[];
  /** Seconds since 1970; `undefined` without a webhook. */
  readonly certificateExpires: number | undefined;
  readonly seenChanges: number;
  /** Writes that failed, conflicts aside. */
  readonly failedWrites: number;
};

/** Numbers of addresses are exact up to 2^53 and saturate at 2^63. */
const addresses = (count: bigint): number => Number(count > 2n ** 63n ? 2n ** 63n : count);

const ownValues = (
  facts: Facts,
): Readonly<Record<Exclude<ControllerMetric, "steelyard_allocation_seconds">, Values>> => {
  const { view, ruling } = facts;
  const pools = ruling?.pools ?? [];
  const each = (pick: (counts: PoolUse["families"][number]) => bigint): readonly Sample[] =>
    pools.flatMap(({ pool, families }) =>
      families.map((counts) => sample(addresses(pick(counts)), { pool, family: counts.family })),
    );
  return {
    steelyard_info: [sample(1, { version: VERSION, role: "controller" })],
    steelyard_leader: Number(view.leadership.state === "leading"),
    steelyard_lease_transitions_total: view.leadershipTransitions,
    steelyard_pool_addresses: each(({ total }) => total),
    steelyard_pool_addresses_assigned: each(({ assigned }) => assigned),
    steelyard_pool_services: pools.map(({ pool, services }) => sample(services, { pool })),
    steelyard_services:
      ruling === undefined
        ? []
        : Object.entries(ruling.services).map(([state, value]) => sample(value, { state })),
    steelyard_allocation_refusals_total: counted(view.refusals, "reason"),
    steelyard_address_conflicts: facts.conflicts,
    steelyard_write_queue: facts.waitingWrites,
    steelyard_api_requests_total: facts.requests,
    steelyard_api_trouble: [...view.trouble.keys()].map((resource) => sample(1, { resource })),
    steelyard_config_loaded: Number(view.pools.isLoaded),
    steelyard_config_stale: Number(view.pools.refused.length > 0),
    steelyard_config_refusals_total: view.pools.refusals,
    steelyard_webhook_certificate_expiry_timestamp_seconds: facts.certificateExpires,
    steelyard_shadow_differences: facts.shadow ? view.differences.size : undefined,
  };
};

const metallbValues = ({
  ruling,
  view,
  seenChanges,
  failedWrites,
}: Facts): Readonly<Record<MetallbMetric, Values>> => {
  const pools = ruling?.pools ?? [];
  const sum = (family: "ipv4" | "ipv6" | undefined, key: "total" | "assigned"): readonly Sample[] =>
    pools.map(({ pool, families }) => {
      const meant = families.filter((counts) => family === undefined || counts.family === family);
      return sample(addresses(meant.reduce((all, counts) => all + counts[key], 0n)), { pool });
    });
  return {
    metallb_allocator_addresses_total: sum(undefined, "total"),
    metallb_allocator_ipv4_addresses_total: sum("ipv4", "total"),
    metallb_allocator_ipv6_addresses_total: sum("ipv6", "total"),
    metallb_allocator_addresses_in_use_total: sum(undefined, "assigned"),
    metallb_allocator_ipv4_addresses_in_use_total: sum("ipv4", "assigned"),
    metallb_allocator_ipv6_addresses_in_use_total: sum("ipv6", "assigned"),
    metallb_allocator_services_allocated_total: pools.map(({ pool, services }) => sample(services, { pool })),
    metallb_k8s_client_updates_total: seenChanges,
    metallb_k8s_client_update_errors_total: failedWrites,
    metallb_k8s_client_config_loaded_bool: Number(view.pools.isLoaded),
    metallb_k8s_client_config_stale_bool: Number(view.pools.refused.length > 0),
  };
};

/** The text of `/metrics`. */
export const controllerMetrics = (facts: Facts, options: { readonly metallb: boolean }): string =>
  renderMetrics([
    ...familiesOf(ownValues(facts), CONTROLLER_METRICS),
    {
      name: "steelyard_allocation_seconds",
      help: CONTROLLER_METRICS.steelyard_allocation_seconds.help,
      type: "histogram",
      histograms: [facts.latencies],
    },
    ...(options.metallb ? familiesOf(metallbValues(facts), METALLB_METRICS) : []),
  ]);
