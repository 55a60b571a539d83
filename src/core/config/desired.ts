/** Everything the operator wants, as one value. */
import type { VirtualServer } from "#core/balance/model";
import type { HealthCheckConfig } from "#core/health/config";
import type { VirtualRouterConfig } from "#core/vrrp/config";

/** A named script that routers track. */
export type TrackedCheck = { readonly name: string; readonly health: HealthCheckConfig };

export type Desired = {
  readonly routers: readonly VirtualRouterConfig[];
  readonly checks: readonly TrackedCheck[];
  readonly servers: readonly VirtualServer[];
};

/** Nothing at all: what runs before the first configuration. */
export const NOTHING_DESIRED: Desired = { routers: [], checks: [], servers: [] };
