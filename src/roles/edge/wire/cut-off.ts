/** Keeps since when this edge cannot serve an address, because every router that has it is at fault here. */
import type { IpAddress } from "#base/address";
import { type Instant, instant } from "#base/time";
import type { Desired } from "#core/config/desired";
import type { Event } from "#core/observation/event";
import type { VirtualRouterConfig } from "#core/vrrp/config";

export type CutOffs = {
  /** Hears of all events; `true` when `since` may have changed. */
  hear(event: Event, now: Instant): boolean;
  /** When the last of the routers that have this address came to be at fault; `undefined` while one is not. */
  since(address: IpAddress, routers: readonly VirtualRouterConfig[]): Instant | undefined;
  /** The same for the address of a virtual server, by its name; `undefined` also for one that is not configured. */
  sinceOf(server: string, desired: Desired): Instant | undefined;
};

/** The routers that have an address, advertised or not. */
export const routersOf = (
  address: IpAddress,
  routers: readonly VirtualRouterConfig[],
): readonly VirtualRouterConfig[] =>
  routers.filter((router) =>
    [...router.addresses, ...router.unadvertisedAddresses].some((virtual) => virtual.address === address),
  );

/** No router is at fault at first. */
export const createCutOffs = (): CutOffs => {
  const sinceByRouter = new Map<string, Instant>();
  const cutOffs: CutOffs = {
    hear(event, now) {
      if (event.type !== "router-state") return false;
      if (event.to !== "fault") return sinceByRouter.delete(event.router);
      sinceByRouter.set(event.router, now);
      return true;
    },
    since(address, routers) {
      const times = routersOf(address, routers).map(({ name }) => sinceByRouter.get(name));
      const known = times.filter((time) => time !== undefined);
      return known.length === 0 || known.length < times.length ? undefined : instant(Math.max(...known));
    },
    sinceOf(server, { routers, servers }) {
      // Asked for every verdict of every backend, and nearly always in vain.
      if (sinceByRouter.size === 0) return undefined;
      const address = servers.find(({ name }) => name === server)?.address;
      return address === undefined ? undefined : cutOffs.since(address, routers);
    },
  };
  return cutOffs;
};
