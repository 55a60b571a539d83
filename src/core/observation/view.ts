/**
 * What is true now, folded from the observations so far.
 *
 * The wire process and the agent run the same fold, so a new agent needs only the wire's view and the observations
 * after it.
 */
import type { IpAddress } from "#base/address";
import { type WallTime, wallTime } from "#base/time";
import { backendKey, type Carrier } from "#core/balance/model";
import type { SyncState } from "#core/connection-sync/statistics";
import type { Event, HealthState, Observation, ResourceName, RouterState, SessionEvent } from "./event.ts";

export type RouterView = {
  readonly state: RouterState;
  readonly since: WallTime;
  readonly reason: string;
  readonly peer?: IpAddress;
  /** Priority in force, or `fault`; `undefined` while it is the configured one. */
  readonly priority?: number | "fault";
  /** Tracked subjects that count against it. */
  readonly failed: readonly string[];
  /** Conflicts that have begun and not ended, as `KIND with PEER: DETAIL`, by that same text. */
  readonly conflicts: Readonly<Record<string, string>>;
  /** Why it cannot start; `undefined` when it has. */
  readonly waiting?: string;
  /** Addresses held now. */
  readonly addresses: readonly IpAddress[];
  /** How often it became active. */
  readonly takeovers: number;
};

export type HealthView = {
  readonly state: HealthState;
  readonly since: WallTime;
  readonly reason?: string;
  readonly detail?: string;
};

export type DrainView = {
  readonly state: "draining" | "drained";
  readonly since: WallTime;
  /** When it will be drained; `undefined` without a deadline. */
  readonly until?: WallTime;
};

export type ForwardingView = {
  readonly state: "idle" | "applied" | "failed";
  readonly since: WallTime;
  readonly detail?: string;
};

/** Counts of events by type, and of transitions by what changed: the source of the metrics. */
export type Counters = Record<string, number>;

export type View = {
  /** Sequence of the last observation in it; 0 before the first. */
  sequence: number;
  readonly routers: Record<string, RouterView>;
  /** By `backendKey`. */
  readonly backends: Record<string, HealthView>;
  /** Who forwards for a virtual server, by its name, where it is not simply nftables. */
  readonly carriers: Record<string, Carrier>;
  readonly checks: Record<string, HealthView>;
  /** Backends that are being drained, or were and stay so, by `backendKey`. */
  readonly drains: Record<string, DrainView>;
  readonly links: Record<string, "up" | "down" | "absent">;
  forwarding: ForwardingView;
  config: { readonly generation: number; readonly since: WallTime; readonly refused?: readonly string[] };
  /** Whether a takeover would keep connections; `undefined` where nobody asked for it. */
  sync?: { readonly state: SyncState; readonly since: WallTime; readonly detail: string };
  /** How full the connection tracking table is; `undefined` while there is no worry. */
  conntrack?: { readonly state: "ample" | "filling" | "full"; readonly detail: string };
  /** Why there is no session with a peer, as it was said last, by its name. */
  readonly obstacles: Record<string, string>;
  /** What of BGP fails on this machine, by what it is. */
  readonly troubles: Record<string, string>;
  /** Routes that are not announced as configured, by prefix. */
  readonly routes: Record<string, "last-resort" | "withheld">;
  /** Prefixes that are announced to nobody for a while, because they came and went too often. */
  readonly damped: Record<string, true>;
  /** Peers that are told of so many routes only, by name. */
  readonly limits: Record<string, number>;
  readonly counters: Counters;
};

/** A view before the first observation. */
export const emptyView = (): View => ({
  sequence: 0,
  routers: {},
  backends: {},
  carriers: {},
  checks: {},
  drains: {},
  links: {},
  forwarding: { state: "idle", since: wallTime(0) },
  config: { generation: 0, since: wallTime(0) },
  ...{ obstacles: {}, troubles: {}, routes: {}, damped: {}, limits: {} },
  counters: {},
});

const NEW_ROUTER: RouterView = {
  state: "initialize",
  since: wallTime(0),
  reason: "not-started",
  failed: [],
  conflicts: {},
  addresses: [],
  takeovers: 0,
};

/** What a view has under a name, which may be one that every object has, such as `constructor`. */
export const find = <Value>(values: Readonly<Record<string, Value>>, name: string): Value | undefined =>
  Object.hasOwn(values, name) ? values[name] : undefined;

const routerOf = (view: View, name: string): RouterView => find(view.routers, name) ?? NEW_ROUTER;

const change = (view: View, name: string, difference: Partial<RouterView>): void => {
  view.routers[name] = { ...routerOf(view, name), ...difference };
};

const routerState = (view: View, event: Event & { type: "router-state" }, at: WallTime): void => {
  const before = routerOf(view, event.router);
  const { peer: _peer, ...rest } = before;
  view.routers[event.router] = {
    ...rest,
    state: event.to,
    since: at,
    reason: event.reason,
    takeovers: before.takeovers + (event.to === "active" && event.from !== "active" ? 1 : 0),
    ...(event.peer === undefined ? {} : { peer: event.peer }),
  };
};

const waiting = (view: View, event: Event & { type: "router-waiting" }): void => {
  const { waiting: _waiting, ...rest } = routerOf(view, event.router);
  view.routers[event.router] = event.state === "begun" ? { ...rest, waiting: event.detail } : rest;
};

const conflict = (view: View, event: Event & { type: "router-conflict" }): void => {
  const text = `${event.conflict} with ${event.peer}${event.detail === undefined ? "" : `: ${event.detail}`}`;
  const conflicts = { ...routerOf(view, event.router).conflicts };
  if (event.state === "begun") conflicts[text] = text;
  else delete conflicts[text];
  change(view, event.router, { conflicts });
};

const address = (view: View, event: Event & { type: "address" }): void => {
  const others = routerOf(view, event.router).addresses.filter((held) => held !== event.address);
  const held = event.change === "added" || event.change === "adopted" || event.change === "restored";
  change(view, event.router, { addresses: held ? [...others, event.address] : others });
};

const drain = (view: View, event: Event & { type: "backend-drain" }, at: WallTime): void => {
  const key = backendKey(event.server, event.backend);
  const { state, until } = event;
  if (state === "over") delete view.drains[key];
  else view.drains[key] = { state, since: at, ...(until === undefined ? {} : { until }) };
};

/** A change of what it says of itself leaves the time of its verdict as it is. */
const health = (
  event: Event & { type: "backend-health" | "check-health" },
  at: WallTime,
  before: HealthView | undefined,
): HealthView => ({
  state: event.to,
  since: event.from === event.to ? (before?.since ?? at) : at,
  ...(event.reason === undefined ? {} : { reason: event.reason }),
  ...(event.detail === undefined ? {} : { detail: event.detail }),
});

const carrier = ({ engine, detail }: Event & { type: "server-engine" }): Carrier => ({
  engine,
  ...(detail === undefined ? {} : { because: detail }),
});

/** The event types whose counters are kept by resource. */
const COUNTED_BY_KIND: Readonly<Record<ResourceName["kind"], readonly string[]>> = {
  VirtualRouter: ["router-state", "router-conflict", "address", "duplicate-address"],
  VirtualServer: ["backend-health", "backend-drain", "flows-ended", "kept-out"],
  TrackedCheck: ["check-health"],
  ConnectionSync: ["connection-sync", "pin-sync"],
  ...{ BGPPeer: [], Route: [] },
};

/** Counters end with their resource, so that names that come and go do not add up. */
const forgetCounters = (view: View, removed: readonly ResourceName[]): void => {
  if (removed.length === 0) return;
  const gone = new Set(
    removed.flatMap(({ kind, name }) => COUNTED_BY_KIND[kind].map((type) => `${type} ${name}`)),
  );
  for (const key of Object.keys(view.counters)) {
    if (gone.has(key.split(" ", 2).join(" "))) delete view.counters[key];
  }
};

/** What was judged by the configuration before says nothing of the next: a router that is not as configured says so anew. */
const forgetJudgement = (view: View, name: string): void => {
  const known = find(view.routers, name);
  if (known === undefined) return;
  const { priority: _priority, ...rest } = known;
  view.routers[name] = { ...rest, failed: [] };
};

/** Removed resources leave the view, so that a name used again starts afresh. */
const configApplied = (view: View, event: Event & { type: "config-applied" }, at: WallTime): void => {
  const since = event.generation === view.config.generation ? view.config.since : at;
  view.config = { generation: event.generation, since };
  forgetCounters(view, event.removed);
  for (const { kind, name } of event.changed) if (kind === "VirtualRouter") forgetJudgement(view, name);
  for (const { kind, name } of event.removed) {
    if (kind === "VirtualRouter") delete view.routers[name];
    if (kind === "TrackedCheck") delete view.checks[name];
    if (kind !== "VirtualServer") continue;
    delete view.carriers[name];
    const prefix = backendKey(name, "");
    for (const values of [view.backends, view.drains]) {
      for (const key of Object.keys(values)) if (key.startsWith(prefix)) delete values[key];
    }
  }
};

/** Keeps what is so, and forgets what is no more. */
const set = <Value>(values: Record<string, Value>, name: string, value: Value | undefined): void => {
  if (value === undefined) delete values[name];
  else values[name] = value;
};

const STATE_OF_ROUTE = {
  ...{ announced: undefined, removed: undefined },
  ...({ "last-resort": "last-resort", withheld: "withheld" } as const),
};

type RoutingEvent = SessionEvent | Extract<Event, { type: "bgp-route" }>;

const routing = (view: View, event: RoutingEvent): void => {
  switch (event.type) {
    case "bgp-session":
      delete view.obstacles[event.peer];
      if (event.to === "removed") delete view.limits[event.peer];
      break;
    case "bgp-attempt":
      view.obstacles[event.peer] = event.detail;
      break;
    case "bgp-trouble":
      set(view.troubles, event.subject, event.state === "begun" ? (event.detail ?? "") : undefined);
      break;
    case "bgp-damped":
      set(view.damped, event.prefix, event.state === "begun" ? true : undefined);
      break;
    case "bgp-limit":
      set(view.limits, event.peer, event.state === "begun" ? event.most : undefined);
      break;
    case "bgp-route":
      set(view.routes, event.route, STATE_OF_ROUTE[event.state]);
      break;
    case "bgp-bfd":
      break;
  }
};

const apply = (view: View, event: Event, at: WallTime): void => {
  switch (event.type) {
    case "router-state":
      routerState(view, event, at);
      break;
    case "router-priority":
      change(view, event.router, { priority: event.priority, failed: event.failed });
      break;
    case "router-conflict":
      conflict(view, event);
      break;
    case "router-waiting":
      waiting(view, event);
      break;
    case "address":
      address(view, event);
      break;
    case "link":
      view.links[event.link] = event.state;
      break;
    case "backend-health":
      view.backends[backendKey(event.server, event.backend)] = health(
        event,
        at,
        view.backends[backendKey(event.server, event.backend)],
      );
      break;
    case "check-health":
      view.checks[event.check] = health(event, at, view.checks[event.check]);
      break;
    case "forwarding-applied":
      view.forwarding = { state: event.how === "removed" ? "idle" : "applied", since: at };
      break;
    case "forwarding-failed":
      view.forwarding = { state: "failed", since: at, detail: event.detail };
      break;
    case "server-engine":
      view.carriers[event.server] = carrier(event);
      break;
    case "config-applied":
      configApplied(view, event, at);
      break;
    case "config-refused":
      view.config = { ...view.config, refused: event.problems };
      break;
    case "backend-drain":
      drain(view, event, at);
      break;
    case "connection-sync":
      view.sync = { state: event.state, since: at, detail: event.detail };
      break;
    case "conntrack":
      if (event.change !== "failed") view.conntrack = { state: event.change, detail: event.detail };
      break;
    case "bgp-session":
    case "bgp-attempt":
    case "bgp-trouble":
    case "bgp-bfd":
    case "bgp-damped":
    case "bgp-limit":
    case "bgp-route":
      routing(view, event);
      break;
    case "duplicate-address":
    case "flows-ended":
    case "kept-out":
    case "pin-sync":
    case "sysctl":
    case "process":
      break;
  }
};

/** No transition: it is counted as none. */
const HEALTH_REMARK = "health-remark";

/** The counter that an event adds to: its type and the part of it that is bounded. */
const counterKey = (event: Event): string => {
  switch (event.type) {
    case "router-state":
      return `router-state ${event.router} ${event.to} ${event.reason}`;
    case "router-conflict":
      return `router-conflict ${event.router} ${event.conflict}`;
    case "backend-health":
      return event.from === event.to ? HEALTH_REMARK : `backend-health ${event.server} ${event.to}`;
    case "check-health":
      return event.from === event.to ? HEALTH_REMARK : `check-health ${event.check} ${event.to}`;
    case "forwarding-applied":
      return `forwarding-applied ${event.how}`;
    case "process":
      return `process ${event.part} ${event.change}`;
    case "address":
      return `address ${event.router} ${event.change}`;
    case "duplicate-address":
      return `duplicate-address ${event.router}`;
    case "backend-drain":
      return `backend-drain ${event.server} ${event.state}`;
    case "kept-out":
      return `kept-out ${event.server} ${event.limit}`;
    case "flows-ended":
      return `flows-ended ${event.server}`;
    case "connection-sync":
      return `connection-sync ${event.state}`;
    case "pin-sync":
      return `pin-sync ${event.state}`;
    case "bgp-session":
      return `bgp-session ${event.to} ${event.cause ?? ""}`;
    case "conntrack":
      return `conntrack ${event.change}`;
    case "sysctl":
      return `sysctl ${event.change}`;
    default:
      return event.type;
  }
};

/** Brings the view up to date with one more observation, in place: a view may hold tens of thousands of backends. */
export const project = (view: View, observation: Observation): void => {
  apply(view, observation.event, observation.at);
  view.sequence = observation.sequence;
  const key = counterKey(observation.event);
  view.counters[key] = (view.counters[key] ?? 0) + 1;
};
