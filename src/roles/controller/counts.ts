/** What a ruling holds, counted for metrics and status. */
import type { Allocation } from "#core/allocation/allocation";
import type { FamilyCounts } from "#core/ipam/space";
import type { Service } from "#core/service/service";

export type PoolUse = {
  readonly pool: string;
  /** Services that hold at least one address of it. */
  readonly services: number;
  /** The families that it has addresses of. */
  readonly families: readonly ({ readonly family: "ipv4" | "ipv6" } & FamilyCounts)[];
};

export type ServiceCounts = {
  readonly allocated: number;
  readonly pending: number;
  readonly foreign: number;
};

/** How each pool is used, by name. */
export const poolUses = (allocation: Allocation): readonly PoolUse[] => {
  const { byPool } = allocation.holderCounts();
  return allocation.pools().map(({ pool, ipv4, ipv6 }) => ({
    pool,
    services: byPool.get(pool) ?? 0,
    families: [
      { family: "ipv4" as const, ...ipv4 },
      { family: "ipv6" as const, ...ipv6 },
    ].filter(({ total }) => total > 0n),
  }));
};

/** How many Services of type LoadBalancer there are of each sort. */
export const serviceCounts = (
  allocation: Allocation,
  services: Iterable<Service>,
  loadBalancerClass: string | undefined,
): ServiceCounts => {
  const allocated = allocation.holderCounts().all;
  let [ours, foreign] = [0, 0];
  for (const service of services) {
    if (service.type !== "LoadBalancer") continue;
    if (service.loadBalancerClass === loadBalancerClass) ours += 1;
    else foreign += 1;
  }
  return { allocated, pending: Math.max(0, ours - allocated), foreign };
};
