/** Which routes an edge announces now: as its backends stand. */
import type { InterfaceAddress } from "#base/prefix";
import type { RouteWord } from "#core/bgp/desired";
import { lastResort } from "#core/bgp/last-resort";
import type { EdgeRoute } from "./route.ts";

/**
 * How a virtual server stands. `serving`: some backend takes connections. `pardoned`: all failed their checks and get them all the same,
 * since it may be this edge that is cut off; others are preferred then. `refusing`: nobody takes any.
 */
export type ServerStanding = "serving" | "pardoned" | "refusing";

/** What is different from what was announced before. */
export type RoutesNow = {
  readonly changed: readonly RouteWord[];
  readonly removed: readonly InterfaceAddress[];
};

/** The best of its servers decides about a route: they share the address, and routers know addresses only. */
export const bestStanding = (
  servers: readonly string[],
  standingOf: (server: string) => ServerStanding,
): ServerStanding => {
  const standings = servers.map(standingOf);
  return standings.includes("serving") ? "serving" : standings.includes("pardoned") ? "pardoned" : "refusing";
};

const wordFor = (
  { route, servers }: EdgeRoute,
  standingOf: (server: string) => ServerStanding,
): RouteWord | undefined => {
  const standing = bestStanding(servers, standingOf);
  if (standing === "serving") return route;
  if (standing === "refusing") return undefined;
  return {
    ...route,
    targets: route.targets.map(({ peers, attributes }) => ({ peers, attributes: lastResort(attributes) })),
  };
};

/** Routes as they were announced last. */
export class AnnouncedRoutes {
  readonly #textByName = new Map<string, { readonly prefix: InterfaceAddress; readonly text: string }>();

  /** What must be said so that exactly the routes that can be used are announced; nothing when it is called again. */
  settle(routes: readonly EdgeRoute[], standingOf: (server: string) => ServerStanding): RoutesNow {
    const changed: RouteWord[] = [];
    const wanted = new Set<string>();
    for (const route of routes) {
      const word = wordFor(route, standingOf);
      if (word === undefined) continue;
      wanted.add(route.name);
      const text = JSON.stringify(word.targets);
      if (this.#textByName.get(route.name)?.text === text) continue;
      this.#textByName.set(route.name, { prefix: word.prefix, text });
      changed.push(word);
    }
    const removed: InterfaceAddress[] = [];
    for (const [name, { prefix }] of this.#textByName) {
      if (wanted.has(name)) continue;
      this.#textByName.delete(name);
      removed.push(prefix);
    }
    return { changed, removed };
  }
}
