/** What a controller says of itself at `/v1/status`. */
import type { ControllerStatus } from "#api/controller";
import type { WallTime } from "#base/time";
import { VERSION } from "#base/version";
import type { ControllerView } from "#core/controller/view";
import type { PoolUse, ServiceCounts } from "./counts.ts";
import type { ControllerOptions } from "./options.ts";

/** What it is made from. */
export type StatusSources = {
  readonly view: ControllerView;
  readonly now: WallTime;
  readonly options: Pick<ControllerOptions, "identity" | "shadow">;
  readonly isSynced: boolean;
  readonly pools: readonly PoolUse[];
  readonly services: ServiceCounts;
  readonly waitingWrites: number;
};

const poolStatus = ({ pool, services, families }: PoolUse): ControllerStatus["pools"][number] => ({
  name: pool,
  services,
  families: families.map(({ family, assigned, available }) => ({
    family: family === "ipv4" ? "IPv4" : "IPv6",
    assigned: Number(assigned),
    available: Math.min(Number(available), Number.MAX_SAFE_INTEGER),
  })),
});

/** The status as the admin socket gives it. */
export const controllerStatus = (sources: StatusSources): ControllerStatus => {
  const { view, now, options, isSynced, pools, services, waitingWrites } = sources;
  const { state, since, holder } = view.leadership;
  return {
    role: "controller",
    version: VERSION,
    now,
    pid: process.pid,
    startedAt: view.startedAt ?? 0,
    identity: options.identity,
    leadership: {
      state,
      ...(since === undefined ? {} : { since }),
      ...(holder === undefined ? {} : { holder }),
    },
    isSynced,
    shadow: options.shadow,
    pools: pools.map(poolStatus),
    refused: view.pools.refused,
    services,
    trouble: [...view.trouble].map(([resource, detail]) => `${resource}: ${detail}`),
    ...(view.otherBalancer === undefined ? {} : { otherBalancer: view.otherBalancer }),
    differences: [...view.differences].map(([service, detail]) => ({ service, detail })),
    waitingWrites,
  };
};
