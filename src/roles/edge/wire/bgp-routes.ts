/** What routers are told of virtual servers, as these stand. */
import type { BackendKey } from "#core/balance/model";
import type { ForwardingPlan, Reported } from "#core/balance/plan-model";
import type { EdgeRoute } from "#core/edge-routes/route";
import { serverStanding } from "#core/edge-routes/server-standing";
import {
  AnnouncedRoutes,
  bestStanding,
  type RoutesNow,
  type ServerStanding,
} from "#core/edge-routes/standing";
import type { Event } from "#core/observation/event";

type RouteState = Extract<Event, { type: "bgp-route" }>["state"];

const STATES = { serving: "announced", pardoned: "last-resort", refusing: "withheld" } as const;

const NOTHING: RoutesNow = { changed: [], removed: [] };

type Parts = {
  /** What is to be made of a backend now. */
  readonly report: (key: BackendKey) => Reported;
  readonly emit: (event: Event) => void;
};

export class BgpRoutes {
  readonly #parts: Parts;
  readonly #announced = new AnnouncedRoutes();
  /** How each server of the plan in force stands; one that is in none refuses. */
  #standings: ReadonlyMap<string, ServerStanding> = new Map();
  #routes: readonly EdgeRoute[] = [];
  #changed: "yes" | "no" = "no";
  /** Routes that were said not to be announced as configured. */
  readonly #said = new Map<string, { readonly state: RouteState; readonly servers: readonly string[] }>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** These are the routes from now on. */
  set(routes: readonly EdgeRoute[]): void {
    this.#routes = routes;
    this.#changed = "yes";
  }

  /** A plan is in force. */
  follow({ servers }: ForwardingPlan): void {
    if (this.#routes.length === 0) {
      // They are looked at when there are routes.
      this.#standings = new Map();
      return;
    }
    const before = this.#standings;
    const standings = new Map(
      servers.map((server) => [server.name, serverStanding(server, this.#parts.report)]),
    );
    this.#standings = standings;
    const isSame =
      before.size === standings.size && [...standings].every(([name, is]) => before.get(name) === is);
    if (!isSame) this.#changed = "yes";
  }

  /** What is different since it was last asked. */
  settle(): RoutesNow {
    if (this.#changed === "no") return NOTHING;
    this.#changed = "no";
    const standingOf = (server: string): ServerStanding => this.#standings.get(server) ?? "refusing";
    this.#say(standingOf);
    return this.#announced.settle(this.#routes, standingOf);
  }

  #say(standingOf: (server: string) => ServerStanding): void {
    const { emit } = this.#parts;
    const names = new Set<string>();
    for (const { name: route, servers } of this.#routes) {
      names.add(route);
      const state = STATES[bestStanding(servers, standingOf)];
      if (state === (this.#said.get(route)?.state ?? "announced")) continue;
      if (state === "announced") this.#said.delete(route);
      else this.#said.set(route, { state, servers });
      emit({ type: "bgp-route", route, state, servers });
    }
    for (const [route, { servers }] of this.#said) {
      if (names.has(route)) continue;
      this.#said.delete(route);
      emit({ type: "bgp-route", route, state: "removed", servers });
    }
  }
}
