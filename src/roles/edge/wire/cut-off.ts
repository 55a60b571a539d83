/**
 * Keeps since when this edge cannot serve an address, because every router that has it is at fault here.
 *
 * A router that is at fault because a program of this very box fails is no sign of that: the network is as it was, and what this
 * box finds out about backends is true.
 */
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
  const healthy = new Set<string>();

  const isExplained = ({ track }: VirtualRouterConfig, checks: Desired["checks"]): boolean =>
    track.some(
      ({ subject, effect }) =>
        subject.kind === "check" &&
        effect.type === "fault" &&
        !healthy.has(subject.name) &&
        checks.some(({ name, isOfThisBox }) => name === subject.name && isOfThisBox === true),
    );

  const cutOffs: CutOffs = {
    hear(event, now) {
      if (event.type === "check-health") {
        if (event.to === "healthy") healthy.add(event.check);
        else healthy.delete(event.check);
        return sinceByRouter.size > 0;
      }
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
    sinceOf(server, { routers, servers, checks }) {
      // Asked for every verdict of every backend, and nearly always in vain.
      if (sinceByRouter.size === 0) return undefined;
      const address = servers.find(({ name }) => name === server)?.address;
      if (address === undefined) return undefined;
      if (routersOf(address, routers).some((router) => isExplained(router, checks))) return undefined;
      return cutOffs.since(address, routers);
    },
  };
  return cutOffs;
};
