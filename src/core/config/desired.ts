/** Everything the operator wants, as one value. */
import type { IpAddress } from "#base/address";
import type { BackendKey, VirtualServer } from "#core/balance/model";
import type { PeerWord } from "#core/bgp/desired";
import type { ConnectionSyncConfig } from "#core/connection-sync/config";
import type { EdgeRoute } from "#core/edge-routes/route";
import type { HealthCheckConfig } from "#core/health/config";
import { unacceptedAddresses } from "#core/vrrp/accept-mode";
import type { VirtualRouterConfig } from "#core/vrrp/config";

/** A named check that routers track. */
export type TrackedCheck = {
  readonly name: string;
  readonly health: HealthCheckConfig;
  /** Who is asked; `undefined` for scripts. */
  readonly target?: { readonly address: IpAddress; readonly port: number };
  /** It asks a program of this box: a failure says nothing of the network, nor of anybody else. */
  readonly isOfThisBox?: true;
  /** The backends that its program is: a router that follows the check cuts their connections when it steps back. */
  readonly serves?: readonly BackendKey[];
};

export type Desired = {
  readonly routers: readonly VirtualRouterConfig[];
  readonly checks: readonly TrackedCheck[];
  readonly servers: readonly VirtualServer[];
  /** At most one. */
  readonly syncs: readonly ConnectionSyncConfig[];
  /** Routers that are told of virtual servers. */
  readonly peers: readonly PeerWord[];
  /** What they are told, each while one of its servers has a backend. */
  readonly routes: readonly EdgeRoute[];
};

/** Nothing at all: what runs before the first configuration. */
export const NOTHING_DESIRED: Desired = {
  routers: [],
  checks: [],
  servers: [],
  syncs: [],
  peers: [],
  routes: [],
};

/** Whether this needs rules in the kernel; virtual routers alone need none. */
export const needsRules = ({ routers, servers }: Desired): boolean =>
  servers.length > 0 || unacceptedAddresses(routers).length > 0;
