/** Says in names what a new configuration adds, changes and removes. */
import type { Desired } from "#core/config/desired";
import { diff } from "#core/config/diff";
import type { ResourceName } from "#core/observation/event";
import { routerIdentity } from "#core/vrrp/config";
import type { ConfigChanges } from "../messages.ts";

const KIND_BY_LIST = {
  routers: "VirtualRouter",
  checks: "TrackedCheck",
  servers: "VirtualServer",
  syncs: "ConnectionSync",
  peers: "BGPPeer",
  routes: "Route",
} as const;

/** The changes from one configuration to the next. */
export const changesBetween = (before: Desired, after: Desired): ConfigChanges => {
  const difference = diff(before, after);
  const added: ResourceName[] = [];
  const changed: ResourceName[] = [];
  const removed: ResourceName[] = [];
  for (const list of ["routers", "checks", "servers", "syncs", "peers", "routes"] as const) {
    const kind = KIND_BY_LIST[list];
    for (const { name } of difference[list].added) added.push({ kind, name });
    for (const { after: resource } of difference[list].changed) changed.push({ kind, name: resource.name });
    for (const { name } of difference[list].removed) removed.push({ kind, name });
  }
  return { added, changed, removed };
};

/** The names of the routers that are no more, or no more like this: they leave, and others begin in their place. */
export const routersLeaving = (before: Desired, after: Desired): string[] => {
  const keyOf = (router: Desired["routers"][number]) => `${router.name} ${routerIdentity(router)}`;
  const staying = new Set(after.routers.map(keyOf));
  return before.routers.filter((router) => !staying.has(keyOf(router))).map(({ name }) => name);
};
