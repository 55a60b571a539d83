/** All virtual routers of this machine: brought to the configuration, told of links and checks, kept in sync groups. */
import type { IpAddress } from "#base/address";
import { after, type Instant, millis, seconds } from "#base/time";
import type { SubjectHealth } from "#core/election/tracking";
import type { Event, HealthState } from "#core/observation/event";
import { routerIdentity, type Tracked, type VirtualRouterConfig } from "#core/vrrp/config";
import { PRIORITY_OWNER } from "#core/vrrp/constants";
import { absenceInterval } from "#core/vrrp/resume";
import type { NetlinkChange, NetlinkPort } from "#drivers/netlink/port";
import type { PacketPort } from "#drivers/packet/port";
import type { Deadlines } from "#runtime/deadlines";
import { createLinks, type Links } from "#runtime/links";
import { allAddresses } from "./addresses.ts";
import { Departures } from "./departures.ts";
import { Groups } from "./groups.ts";
import { LinkWatch, linkState } from "./link-watch.ts";
import type { Memory } from "./memory.ts";
import { Router } from "./router.ts";
import { createStations, type Stations } from "./stations.ts";
import { Strangers } from "./strangers.ts";
import { sweep } from "./sweep.ts";

/** Pause before a socket that could not be opened is tried again. */
const SEAT_RETRY = seconds(1);
/** Time for the record of the last advertisement to be written. */
const ABANDON_PAUSE = millis(20);
/** Pause before the kernel is asked again for what was lost. */
const REREAD_RETRY = millis(200);
export type FleetParts = {
  readonly netlink: NetlinkPort;
  /** Has the listener told of every change of the kernel's network from now on. */
  readonly watch: (listener: (change: NetlinkChange) => void) => void;
  readonly packets: PacketPort;
  /** Whether the kernel forwards IPv6 that arrives on a link. */
  readonly forwardsIpv6: (link: string) => boolean;
  readonly deadlines: Deadlines;
  readonly memory: Memory;
  readonly now: () => Instant;
  readonly emit: (event: Event) => void;
  readonly count: (key: string) => void;
};

/** Which routers a configuration starts: all, or only those that go on where a killed predecessor was. */
export type Start = "all" | "resuming";

export class Fleet {
  readonly #parts: FleetParts;
  readonly #links: Links;
  readonly #stations: Stations;
  readonly #strangers: Strangers;
  readonly #watch: LinkWatch;
  readonly #departures: Departures;
  readonly #routerByName = new Map<string, Router>();
  readonly #groups = new Groups(() => this.#routerByName.values());
  readonly #checkByName = new Map<string, HealthState>();
  #virtual: ReadonlySet<IpAddress> = new Set();
  /** Takes off what an earlier run left and this one does not want; once, with the first configuration. */
  #sweep: ((configs: readonly VirtualRouterConfig[]) => void) | undefined;
  #paused = false;
  /** Set when the program ends and everything stays as it is. */
  #leaving = false;

  constructor(parts: FleetParts) {
    this.#parts = parts;
    // Before the first look: what changes between the two, such as an interface that is being made, is never told again.
    parts.watch((change) => this.networkChanged(change, parts.now()));
    this.#links = createLinks(parts.netlink);
    this.#strangers = new Strangers(parts);
    this.#watch = new LinkWatch(this.#links, parts.emit);
    this.#departures = new Departures(parts);
    this.#sweep = (configs) => sweep(configs, { ...parts, links: this.#links });
    this.#stations = createStations({
      packets: parts.packets,
      now: parts.now,
      onStranger: ({ name }, packet, now) => this.#strangers.hear(name, packet, now),
    });
  }

  /** Reads what waits on every socket. */
  drain(): void {
    this.#stations.drain();
  }

  /** Runs exactly these routers from now on; a router that is none of them ends at once (see `retire`). */
  configure(configs: readonly VirtualRouterConfig[], now: Instant, start: Start = "all"): void {
    this.#departures.end(now);
    this.#virtual = new Set(
      configs
        .filter(({ priority }) => priority !== PRIORITY_OWNER)
        .flatMap((config) => allAddresses(config).map(({ address }) => address)),
    );
    const replaced = this.#endUnwanted(configs, now);
    this.#sweep?.(configs);
    this.#sweep = undefined;
    this.#groups.tell(now, () => {
      for (const config of configs) {
        const running = this.#routerByName.get(config.name);
        if (running === undefined) this.#create(config, replaced.get(config.name));
        else if (JSON.stringify(running.config) !== JSON.stringify(config)) running.reconfigure(config, now);
      }
      this.#forgetUnused(configs);
      this.#seatAll(now);
      this.#trackAll(now);
      // Last, when everything that may forbid a router to run is known to it.
      this.#start(start, now);
    });
    if (start === "all") this.#parts.memory.forgetPast();
  }

  /** Lets routers of these names go, each as soon as it has a successor; `onGone` is told when all are gone. */
  retire(names: readonly string[], now: Instant, onGone: () => void): void {
    const routers = names.flatMap((name) => this.#routerByName.get(name) ?? []);
    for (const router of routers) this.#forget(router);
    this.#departures.add(routers, now);
    this.#departures.whenGone(onGone);
  }

  /** A check that routers may track has a verdict. */
  checkHealth(check: string, state: HealthState, now: Instant): void {
    if (this.#checkByName.get(check) === state) return;
    this.#checkByName.set(check, state);
    this.#groups.tell(now, () => this.#trackAll(now));
    this.#remember(now);
  }

  /** The kernel's network has changed. */
  networkChanged(change: NetlinkChange, now: Instant): void {
    if (change.type === "overrun") {
      this.#reread(now);
      return;
    }
    const names = this.#links.apply(change);
    if (change.type === "address" || change.type === "address-gone") {
      const { address } = change;
      if (change.type === "address-gone") {
        for (const router of this.#serving()) router.addressRemoved(address, now, change.by);
      }
      // Nobody speaks from these; when a thousand move at a takeover, the rest need not look at each.
      if (this.#virtual.has(address.address)) return;
    }
    if (names.some((name) => this.#watch.watches(name))) this.#networkSettled(now);
  }

  /** Gives everything up while nobody vouches for us, and takes part again afterwards. */
  pause(paused: boolean, now: Instant): void {
    if (this.#paused === paused) return;
    this.#paused = paused;
    this.#groups.tell(now, () => {
      if (!paused) this.#start("all", now);
      else for (const router of this.#routerByName.values()) router.feed({ type: "shutdown" }, now);
    });
  }

  /** Leaves in an orderly way: serves until every active router has a successor, but not for long. */
  stop(now: Instant, onStopped: () => void): void {
    this.retire([...this.#routerByName.keys()], now, () => {
      this.#parts.deadlines.set("memory", undefined, this.#writeMemory);
      this.#parts.memory.erase();
      onStopped();
    });
  }

  /**
   * Leaves everything in the kernel for the program's next run, which goes on where this one was: asks the peers for
   * patience, and writes down until when they have it.
   */
  abandon(now: Instant, onLeft: () => void): void {
    this.#leaving = true;
    for (const router of this.#routerByName.values()) router.leaveInPlace(now);
    this.#writeMemory(now);
    this.#parts.deadlines.set("abandon", after(now, ABANDON_PAUSE), onLeft);
  }

  /** Ends the routers that are not wanted, or not like this; gives those that another of their name replaces. */
  #endUnwanted(configs: readonly VirtualRouterConfig[], now: Instant): ReadonlyMap<string, Router> {
    const wanted = new Map(configs.map((config) => [config.name, config]));
    const ended = new Map<string, Router>();
    for (const [name, router] of [...this.#routerByName]) {
      const config = wanted.get(name);
      if (config !== undefined && routerIdentity(config) === routerIdentity(router.config)) continue;
      router.stop(now);
      this.#forget(router);
      ended.set(name, router);
    }
    return ended;
  }

  #forget({ name }: Router): void {
    this.#strangers.forget(name);
    this.#routerByName.delete(name);
  }

  /** Routers that may hold addresses: those that are wanted, and those on their way out. */
  #serving(): readonly Router[] {
    return [...this.#routerByName.values(), ...this.#departures.routers];
  }

  #start(which: Start, now: Instant): void {
    if (this.#paused) return;
    const unstarted = [...this.#routerByName.values()].filter((router) => router.unstarted);
    const resuming = this.#resumable(unstarted, now);
    for (const router of unstarted) {
      const resume = resuming.has(router);
      if (resume || which === "all") router.feed({ type: "startup", resume }, now);
    }
  }

  /** Those that go on where a killed predecessor was; of a sync group all or none. */
  #resumable(routers: readonly Router[], now: Instant): ReadonlySet<Router> {
    const able = routers.filter((router) => {
      const { startable, hasInherited, linkIndex, config } = router;
      if (!startable || !hasInherited || linkIndex === undefined) return false;
      return this.#parts.memory.mayResume(config, linkIndex, now);
    });
    const isWhole = (group: string): boolean =>
      [...this.#routerByName.values()].every(
        (router) => router.config.syncGroup !== group || able.includes(router),
      );
    return new Set(able.filter(({ config: { syncGroup } }) => syncGroup === undefined || isWhole(syncGroup)));
  }

  /** Writes down who is active, once what happens now has happened. */
  #remember(now: Instant): void {
    this.#parts.deadlines.set("memory", now, this.#writeMemory);
  }

  readonly #writeMemory = (now: Instant): void => {
    const routers = this.#serving().map(({ config, linkIndex, machine }) => ({
      config: this.#leaving ? { ...config, advertisementInterval: absenceInterval(config) } : config,
      linkIndex,
      isActive: machine.name === "active",
    }));
    const healthy = [...this.#checkByName].filter(([, state]) => state === "healthy").map(([name]) => name);
    this.#parts.memory.note(routers, healthy, now);
  };

  #create(config: VirtualRouterConfig, predecessor: Router | undefined): void {
    const parts = {
      ...this.#parts,
      stations: this.#stations,
      links: this.#links,
      onStep: ({ config: { syncGroup } }: Router) => {
        const now = this.#parts.now();
        this.#groups.follow(syncGroup, now);
        this.#remember(now);
      },
      onSpoken: ({ name }: Router, now: Instant) => this.#parts.memory.spoke(name, now),
    };
    this.#routerByName.set(config.name, new Router(config, parts, predecessor));
  }

  /** Forgets links and checks that no router depends on any more, and takes note of new ones. */
  #forgetUnused(configs: readonly VirtualRouterConfig[]): void {
    const checks = new Set(configs.flatMap(({ track }) => track.map(({ subject }) => subject.name)));
    for (const name of this.#checkByName.keys()) if (!checks.has(name)) this.#checkByName.delete(name);
    this.#watch.watch(configs);
  }

  #reread(now: Instant): void {
    if (!this.#links.reread()) {
      this.#parts.deadlines.set("reread", after(now, REREAD_RETRY), (at) => this.#reread(at));
      return;
    }
    for (const router of this.#serving()) router.checkAddresses(now);
    this.#networkSettled(now);
  }

  #networkSettled(now: Instant): void {
    this.#groups.tell(now, () => {
      this.#seatAll(now);
      this.#trackAll(now);
    });
  }

  /** Seats every router on its link, with the address it speaks from, and says which links changed. */
  #seatAll(now: Instant): void {
    const routers = [...this.#routerByName.values()];
    for (const router of routers) {
      const { interface: name, family, sourceAddress: source, virtualMacInterface } = router.config;
      const link = this.#links.byName(name);
      const virtual = virtualMacInterface === undefined ? undefined : this.#links.byName(virtualMacInterface);
      const wanted = { family, virtual: this.#virtual, source };
      router.place(
        { link, virtual },
        link === undefined ? undefined : this.#links.primaryAddress(link, wanted),
        now,
      );
    }
    for (const name of this.#watch.look()) for (const router of routers) router.linkReturned(name, now);
    const retryAt = routers.some(({ unseated }) => unseated) ? after(now, SEAT_RETRY) : undefined;
    this.#parts.deadlines.set("seats", retryAt, (at) => this.#networkSettled(at));
  }

  #healthOf(subject: Tracked["subject"]): SubjectHealth {
    if (subject.kind === "interface")
      return linkState(this.#links.byName(subject.name)) === "up" ? "healthy" : "failed";
    const state = this.#checkByName.get(subject.name) ?? "unknown";
    // Not asked again yet since a moment ago, when an earlier run of the program was killed.
    return state === "unknown" && this.#parts.memory.wasHealthy(subject.name) ? "healthy" : state;
  }

  #trackAll(now: Instant): void {
    for (const router of this.#routerByName.values()) router.track((subject) => this.#healthOf(subject), now);
  }
}
