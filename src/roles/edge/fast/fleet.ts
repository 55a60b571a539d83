/** All virtual routers of this machine: brought to the configuration, told of links and checks, kept in sync groups. */
import type { IpAddress } from "#base/address";
import { assert } from "#base/assert";
import { after, type Instant, micros, millis, seconds } from "#base/time";
import { plan } from "#core/election/sync-group";
import type { SubjectHealth } from "#core/election/tracking";
import type { Event, HealthState } from "#core/observation/event";
import type { Tracked, VirtualRouterConfig } from "#core/vrrp/config";
import { type Conflicts, conflictDeadline, expire, sight } from "#core/vrrp/conflict";
import { decode } from "#core/vrrp/packet";
import type { PacketInput } from "#core/vrrp/router";
import type { Link, NetlinkChange, NetlinkPort } from "#drivers/netlink/port";
import type { PacketPort } from "#drivers/packet/port";
import type { Deadlines } from "#runtime/deadlines";
import { allAddresses } from "./addresses.ts";
import { createLinks, type Links } from "./links.ts";
import { Router } from "./router.ts";
import { createStations, type Seat, type Stations } from "./stations.ts";

/** How long an unexpected virtual router id must be silent before the conflict counts as over. */
const STRANGER_HOLD = seconds(30);
/** A successor follows within its skew, which is less than an interval; this is for a busy one. */
const HANDOVER_GRACE = millis(200);
/** Nobody waits longer than this for a successor that may not exist. */
const HANDOVER_LIMIT = seconds(3);
/** More rounds of a sync group's plan than any group needs: beyond it is our mistake. */
const GROUP_ROUNDS = 16;

export type FleetParts = {
  readonly netlink: NetlinkPort;
  readonly packets: PacketPort;
  readonly deadlines: Deadlines;
  readonly now: () => Instant;
  readonly emit: (event: Event) => void;
  readonly count: (key: string) => void;
};

/** Routers with these in common can be changed in place; any other difference is a new router. */
const identity = ({ interface: link, family, vrid, version, syncGroup }: VirtualRouterConfig): string =>
  JSON.stringify([link, family, vrid, version, syncGroup]);

const linkState = (link: Link | undefined): "up" | "down" | "absent" => {
  if (link === undefined) return "absent";
  return link.up && link.carrier ? "up" : "down";
};

export class Fleet {
  readonly #parts: FleetParts;
  readonly #links: Links;
  readonly #stations: Stations;
  readonly #routerByName = new Map<string, Router>();
  readonly #checkByName = new Map<string, HealthState>();
  readonly #linkStateByName = new Map<string, "up" | "down" | "absent">();
  #virtual: ReadonlySet<IpAddress> = new Set();
  #strangers: Conflicts = [];
  #coordinating = false;
  #paused = false;

  constructor(parts: FleetParts) {
    this.#parts = parts;
    this.#links = createLinks(parts.netlink);
    this.#stations = createStations({
      packets: parts.packets,
      now: parts.now,
      onStranger: (listeners, packet, now) => {
        const [first] = listeners;
        if (first instanceof Router) this.#onStranger(first, packet, now);
      },
    });
  }

  /** Reads what waits on every socket. */
  drain(): void {
    this.#stations.drain();
  }

  /** Runs exactly these routers from now on. */
  configure(configs: readonly VirtualRouterConfig[], now: Instant): void {
    const wanted = new Map(configs.map((config) => [config.name, config]));
    this.#virtual = new Set(
      configs
        .filter(({ priority }) => priority !== 255)
        .flatMap((config) => allAddresses(config).map(({ address }) => address)),
    );
    for (const [name, router] of [...this.#routerByName]) {
      const config = wanted.get(name);
      if (config !== undefined && identity(config) === identity(router.config)) continue;
      router.stop(now);
      this.#routerByName.delete(name);
    }
    const started: Router[] = [];
    for (const config of configs) {
      const running = this.#routerByName.get(config.name);
      if (running === undefined) started.push(this.#create(config));
      else if (JSON.stringify(running.config) !== JSON.stringify(config)) running.reconfigure(config, now);
    }
    this.#watchLinks(now);
    this.#trackAll(now);
    // Last, when everything that may forbid a router to run is known to it.
    if (!this.#paused) for (const router of started) router.feed({ type: "startup" }, now);
    this.#coordinate(now);
  }

  /** A check that routers may track has a verdict. */
  checkHealth(check: string, state: HealthState, now: Instant): void {
    this.#checkByName.set(check, state);
    this.#trackAll(now);
  }

  /** The kernel's network has changed. */
  networkChanged(change: NetlinkChange, now: Instant): void {
    this.#links.apply(change);
    if (change.type === "address-gone") {
      for (const router of this.#routerByName.values()) router.addressRemoved(change.address);
    }
    this.#watchLinks(now);
    this.#trackAll(now);
  }

  /** Gives everything up while nobody vouches for us, and takes part again afterwards. */
  pause(paused: boolean, now: Instant): void {
    if (this.#paused === paused) return;
    this.#paused = paused;
    for (const router of this.#routerByName.values())
      router.feed({ type: paused ? "shutdown" : "startup" }, now);
  }

  /** Leaves in an orderly way: serves until every active router has a successor, but not for long. */
  stop(now: Instant, onStopped: () => void): void {
    const routers = [...this.#routerByName.values()];
    this.#routerByName.clear();
    const finish = (at: Instant): void => {
      this.#parts.deadlines.set("stop", undefined, finish);
      for (const router of routers) router.stop(at);
      onStopped();
    };
    const onSuccessor = (): void => {
      if (!routers.some(({ handingOver }) => handingOver)) finish(this.#parts.now());
    };
    const waits = routers.map(({ config }) => config.advertisementInterval);
    for (const router of routers) router.resign(now, onSuccessor);
    const limit = after(now, micros(Math.min(HANDOVER_LIMIT, Math.max(0, ...waits) + HANDOVER_GRACE)));
    if (routers.some(({ handingOver }) => handingOver)) this.#parts.deadlines.set("stop", limit, finish);
    else finish(now);
  }

  #create(config: VirtualRouterConfig): Router {
    const router = new Router(config, {
      ...this.#parts,
      stations: this.#stations,
      links: this.#links,
      onStep: () => this.#coordinate(this.#parts.now()),
    });
    this.#routerByName.set(config.name, router);
    return router;
  }

  /** Seats every router on its link, with the address it speaks from, and says which links changed. */
  #watchLinks(now: Instant): void {
    const names = new Set<string>();
    for (const router of this.#routerByName.values()) {
      const { config } = router;
      names.add(config.interface);
      for (const { subject } of config.track) if (subject.kind === "interface") names.add(subject.name);
      this.#place(router, now);
    }
    for (const name of names) this.#noteLink(name, now);
  }

  #place(router: Router, now: Instant): void {
    const { config } = router;
    const link = this.#links.byName(config.interface);
    const seat: Seat | undefined =
      link === undefined
        ? undefined
        : { link: { index: link.index, name: link.name }, family: config.family, vrid: config.vrid };
    router.place(seat, now);
    if (link === undefined) return;
    const own = this.#links.primaryAddress(link, config.family, this.#virtual, config.sourceAddress);
    router.setAddress(own, now);
  }

  #noteLink(name: string, now: Instant): void {
    const state = linkState(this.#links.byName(name));
    const before = this.#linkStateByName.get(name);
    if (before === state) return;
    this.#linkStateByName.set(name, state);
    if (before !== undefined || state !== "up") this.#parts.emit({ type: "link", link: name, state });
    if (before === undefined || state !== "up") return;
    for (const router of this.#routerByName.values()) router.linkReturned(name, now);
  }

  #healthOf(subject: Tracked["subject"]): SubjectHealth {
    if (subject.kind === "check") return this.#checkByName.get(subject.name) ?? "unknown";
    return linkState(this.#links.byName(subject.name)) === "up" ? "healthy" : "failed";
  }

  #trackAll(now: Instant): void {
    for (const router of this.#routerByName.values()) router.track((subject) => this.#healthOf(subject), now);
  }

  /** Lets sync groups follow their members until they rest. */
  #coordinate(now: Instant): void {
    if (this.#coordinating) return;
    this.#coordinating = true;
    const groups = new Set([...this.#routerByName.values()].flatMap(({ config }) => config.syncGroup ?? []));
    for (const group of groups) this.#coordinateGroup(group, now);
    this.#coordinating = false;
  }

  #coordinateGroup(group: string, now: Instant): void {
    const members = [...this.#routerByName.values()].filter(({ config }) => config.syncGroup === group);
    for (let round = 0; ; round += 1) {
      assert(round < GROUP_ROUNDS, "a sync group comes to rest", { group });
      const commands = plan(members.map(({ config, machine }) => ({ router: config.name, machine })));
      if (commands.length === 0) return;
      for (const { router, command } of commands) {
        this.#routerByName.get(router)?.feed({ type: "group", command }, now);
      }
    }
  }

  #onStranger(router: Router, { payload, context }: PacketInput, now: Instant): void {
    const packet = decode(payload, context);
    if (!packet.ok) {
      this.#parts.count(`vrrp-dropped ${router.config.name} ${packet.reason}`);
      return;
    }
    const { vrid } = packet.value.advertisement;
    const seen = sight(
      this.#strangers,
      { kind: "vrid-unexpected", peer: context.source, vrid, hold: STRANGER_HOLD },
      now,
    );
    this.#strangers = seen.state;
    for (const { conflict } of seen.effects) this.#emitStranger(router, conflict, "begun");
    this.#parts.deadlines.set("strangers", conflictDeadline(this.#strangers), (at) =>
      this.#expireStrangers(router, at),
    );
  }

  #expireStrangers(router: Router, now: Instant): void {
    const over = expire(this.#strangers, now);
    this.#strangers = over.state;
    for (const { conflict } of over.effects) this.#emitStranger(router, conflict, "ended");
    this.#parts.deadlines.set("strangers", conflictDeadline(this.#strangers), (at) =>
      this.#expireStrangers(router, at),
    );
  }

  #emitStranger(router: Router, { kind, peer, vrid }: Conflicts[number], state: "begun" | "ended"): void {
    const detail = `virtual router id ${vrid} is not configured here`;
    this.#parts.emit({
      type: "router-conflict",
      router: router.config.name,
      conflict: kind,
      peer,
      state,
      detail,
    });
  }
}
