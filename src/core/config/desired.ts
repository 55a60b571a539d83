/** Everything the operator wants, as one value. */
import type { IpAddress } from "#base/address";
import type { VirtualServer } from "#core/balance/model";
import type { ConnectionSyncConfig } from "#core/connection-sync/config";
import type { HealthCheckConfig } from "#core/health/config";
import { unacceptedAddresses } from "#core/vrrp/accept-mode";
import type { VirtualRouterConfig } from "#core/vrrp/config";

/** A named check that routers track. */
export type TrackedCheck = {
  readonly name: string;
  readonly health: HealthCheckConfig;
  /** Who is asked; `undefined` for scripts. */
  readonly target?: { readonly address: IpAddress; readonly port: number };
};

export type Desired = {
  readonly routers: readonly VirtualRouterConfig[];
  readonly checks: readonly TrackedCheck[];
  readonly servers: readonly VirtualServer[];
  /** At most one. */
  readonly syncs: readonly ConnectionSyncConfig[];
};

/** Nothing at all: what runs before the first configuration. */
export const NOTHING_DESIRED: Desired = { routers: [], checks: [], servers: [], syncs: [] };

/** Whether this needs rules in the kernel; virtual routers alone need none. */
export const needsRules = ({ routers, servers }: Desired): boolean =>
  servers.length > 0 || unacceptedAddresses(routers).length > 0;
