/** All virtual routers of this machine: brought to the configuration, told of links and checks, kept in sync groups. */
import type { IpAddress } from "#base/address";
import { assert } from "#base/assert";
import { after, type Instant, micros, millis, seconds } from "#base/time";
import { plan } from "#core/election/sync-group";
import type { SubjectHealth } from "#core/election/tracking";
import type { Event, HealthState } from "#core/observation/event";
import type { Tracked, VirtualRouterConfig } from "#core/vrrp/config";
import { PRIORITY_OWNER } from "#core/vrrp/constants";
import type { Link, NetlinkChange, NetlinkPort } from "#drivers/netlink/port";
import type { PacketPort } from "#drivers/packet/port";
import type { Deadlines } from "#runtime/deadlines";
import { allAddresses } from "./addresses.ts";
import { createLinks, type Links } from "./links.ts";
import { Router } from "./router.ts";
import { createStations, type Stations } from "./stations.ts";
import { Strangers } from "./strangers.ts";
import { sweep } from "./sweep.ts";

/** A successor follows within its skew, which is less than an interval; this is for a busy one. */
const HANDOVER_GRACE = millis(200);
/** Nobody waits longer than this for a successor that may not exist. */
const HANDOVER_LIMIT = seconds(3);
/** Pause before a socket that could not be opened is tried again. */
const SEAT_RETRY = seconds(1);
/** Pause before the kernel is asked again for what was lost. */
const REREAD_RETRY = millis(200);
/** More rounds of a sync group's plan than any group needs: beyond it is our mistake. */
const GROUP_ROUNDS = 16;

export type FleetParts = {
  readonly netlink: NetlinkPort;
  readonly packets: PacketPort;
  /** Whether the kernel forwards IPv6 that arrives on a link. */
  readonly forwardsIpv6: (link: string) => boolean;
  readonly deadlines: Deadlines;
  readonly now: () => Instant;
  readonly emit: (event: Event) => void;
  readonly count: (key: string) => void;
};

type LinkState = "up" | "down" | "absent";
/** What is remembered of a link: its state, and whether it is still the same one. */
type LinkNote = { readonly state: LinkState; readonly index?: number; readonly mac?: string };

/** Routers with these in common can be changed in place; any other difference is a new router. */
const identity = ({ interface: link, family, vrid, version }: VirtualRouterConfig): string =>
  JSON.stringify([link, family, vrid, version]);

const linkState = (link: Link | undefined): LinkState => {
  if (link === undefined) return "absent";
  return link.up && link.carrier ? "up" : "down";
};

const noteOf = (link: Link | undefined): LinkNote => ({
  state: linkState(link),
  ...(link === undefined ? {} : { index: link.index }),
  ...(link?.mac === undefined ? {} : { mac: link.mac }),
});

/** The interfaces that matter to a router. */
const interfacesOf = (config: VirtualRouterConfig): readonly string[] => [
  config.interface,
  ...allAddresses(config).flatMap(({ device }) => device ?? []),
  ...config.track.flatMap(({ subject }) => (subject.kind === "interface" ? [subject.name] : [])),
];

export class Fleet {
  readonly #parts: FleetParts;
  readonly #links: Links;
  readonly #stations: Stations;
  readonly #strangers: Strangers;
  readonly #routerByName = new Map<string, Router>();
  readonly #checkByName = new Map<string, HealthState>();
  readonly #linkByName = new Map<string, LinkNote>();
  #virtual: ReadonlySet<IpAddress> = new Set();
  /** Takes off what an earlier run left and this one does not want; once, with the first configuration. */
  #sweep: ((configs: readonly VirtualRouterConfig[]) => void) | undefined;
  /** Set while several routers are told of one thing: their groups follow when all know. */
  #telling = false;
  #coordinating = false;
  #paused = false;

  constructor(parts: FleetParts) {
    this.#parts = parts;
    this.#links = createLinks(parts.netlink);
    this.#strangers = new Strangers(parts);
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

  /** Runs exactly these routers from now on. */
  configure(configs: readonly VirtualRouterConfig[], now: Instant): void {
    const wanted = new Map(configs.map((config) => [config.name, config]));
    this.#virtual = new Set(
      configs
        .filter(({ priority }) => priority !== PRIORITY_OWNER)
        .flatMap((config) => allAddresses(config).map(({ address }) => address)),
    );
    const replaced = new Map<string, Router>();
    for (const [name, router] of [...this.#routerByName]) {
      const config = wanted.get(name);
      if (config !== undefined && identity(config) === identity(router.config)) continue;
      router.stop(now);
      this.#strangers.forget(name);
      this.#routerByName.delete(name);
      replaced.set(name, router);
    }
    this.#sweep?.(configs);
    this.#sweep = undefined;
    this.#tell(now, () => {
      const started: Router[] = [];
      for (const config of configs) {
        const running = this.#routerByName.get(config.name);
        if (running === undefined) started.push(this.#create(config, replaced.get(config.name)));
        else if (JSON.stringify(running.config) !== JSON.stringify(config)) running.reconfigure(config, now);
      }
      this.#forgetUnused(configs);
      this.#watchLinks(now);
      this.#trackAll(now);
      // Last, when everything that may forbid a router to run is known to it.
      if (!this.#paused) for (const router of started) router.feed({ type: "startup" }, now);
    });
  }

  /** A check that routers may track has a verdict. */
  checkHealth(check: string, state: HealthState, now: Instant): void {
    if (this.#checkByName.get(check) === state) return;
    this.#checkByName.set(check, state);
    this.#tell(now, () => this.#trackAll(now));
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
        for (const router of this.#routerByName.values()) router.addressRemoved(address, now);
      }
      // Nobody speaks from these; when a thousand move at a takeover, the rest need not look at each.
      if (this.#virtual.has(address.address)) return;
    }
    if (names.some((name) => this.#linkByName.has(name))) this.#networkSettled(now);
  }

  /** Gives everything up while nobody vouches for us, and takes part again afterwards. */
  pause(paused: boolean, now: Instant): void {
    if (this.#paused === paused) return;
    this.#paused = paused;
    this.#tell(now, () => {
      for (const router of this.#routerByName.values()) {
        router.feed({ type: paused ? "shutdown" : "startup" }, now);
      }
    });
  }

  /** Leaves in an orderly way: serves until every active router has a successor, but not for long. */
  stop(now: Instant, onStopped: () => void): void {
    const routers = [...this.#routerByName.values()];
    this.#routerByName.clear();
    const finish = (at: Instant): void => {
      this.#parts.deadlines.set("stop", undefined, finish);
      for (const router of routers) {
        router.stop(at);
        this.#strangers.forget(router.name);
      }
      onStopped();
    };
    const onSuccessor = (): void => {
      if (!routers.some(({ handingOver }) => handingOver)) finish(this.#parts.now());
    };
    for (const router of routers) router.resign(now, onSuccessor);
    const waiting = routers.filter(({ handingOver }) => handingOver);
    if (waiting.length === 0) {
      finish(now);
      return;
    }
    const longest = Math.max(...waiting.map(({ config }) => config.advertisementInterval));
    const limit = micros(Math.min(HANDOVER_LIMIT, longest + HANDOVER_GRACE));
    this.#parts.deadlines.set("stop", after(now, limit), finish);
  }

  #create(config: VirtualRouterConfig, predecessor: Router | undefined): Router {
    const parts = {
      ...this.#parts,
      stations: this.#stations,
      links: this.#links,
      onStep: ({ config: { syncGroup } }: Router) => this.#follow(syncGroup),
    };
    const router = new Router(config, parts, predecessor);
    this.#routerByName.set(config.name, router);
    return router;
  }

  /** Forgets links and checks that no router depends on any more, and takes note of new ones. */
  #forgetUnused(configs: readonly VirtualRouterConfig[]): void {
    const interfaces = new Set(configs.flatMap(interfacesOf));
    const checks = new Set(configs.flatMap(({ track }) => track.map(({ subject }) => subject.name)));
    for (const name of this.#linkByName.keys()) if (!interfaces.has(name)) this.#linkByName.delete(name);
    for (const name of this.#checkByName.keys()) if (!checks.has(name)) this.#checkByName.delete(name);
    for (const name of interfaces) {
      if (this.#linkByName.has(name)) continue;
      const note = noteOf(this.#links.byName(name));
      this.#linkByName.set(name, note);
      if (note.state !== "up") this.#parts.emit({ type: "link", link: name, state: note.state });
    }
  }

  #reread(now: Instant): void {
    if (!this.#links.reread()) {
      this.#parts.deadlines.set("reread", after(now, REREAD_RETRY), (at) => this.#reread(at));
      return;
    }
    for (const router of this.#routerByName.values()) router.checkAddresses(now);
    this.#networkSettled(now);
  }

  #networkSettled(now: Instant): void {
    this.#tell(now, () => {
      this.#watchLinks(now);
      this.#trackAll(now);
    });
  }

  /** Seats every router on its link, with the address it speaks from, and says which links changed. */
  #watchLinks(now: Instant): void {
    const routers = [...this.#routerByName.values()];
    for (const router of routers) {
      const { interface: name, family, sourceAddress: source } = router.config;
      const link = this.#links.byName(name);
      const wanted = { family, virtual: this.#virtual, source };
      router.place(link, link === undefined ? undefined : this.#links.primaryAddress(link, wanted), now);
    }
    for (const name of this.#linkByName.keys()) this.#noteLink(name, now);
    const retryAt = routers.some(({ unseated }) => unseated) ? after(now, SEAT_RETRY) : undefined;
    this.#parts.deadlines.set("seats", retryAt, (at) => this.#networkSettled(at));
  }

  #noteLink(name: string, now: Instant): void {
    const before = this.#linkByName.get(name);
    const note = noteOf(this.#links.byName(name));
    if (before?.state === note.state && before.index === note.index && before.mac === note.mac) return;
    this.#linkByName.set(name, note);
    if (before?.state !== note.state) this.#parts.emit({ type: "link", link: name, state: note.state });
    if (note.state !== "up") return;
    for (const router of this.#routerByName.values()) router.linkReturned(name, now);
  }

  #healthOf(subject: Tracked["subject"]): SubjectHealth {
    if (subject.kind === "check") return this.#checkByName.get(subject.name) ?? "unknown";
    return linkState(this.#links.byName(subject.name)) === "up" ? "healthy" : "failed";
  }

  #trackAll(now: Instant): void {
    for (const router of this.#routerByName.values()) router.track((subject) => this.#healthOf(subject), now);
  }

  /** Tells several routers of one thing, and only then lets their groups look at each other. */
  #tell(now: Instant, work: () => void): void {
    assert(!this.#telling, "one thing is told at a time");
    this.#telling = true;
    work();
    this.#telling = false;
    const groups = new Set([...this.#routerByName.values()].flatMap(({ config }) => config.syncGroup ?? []));
    for (const group of groups) this.#coordinate(group, now);
  }

  /** A router has another state: its group follows, unless more is about to be told. */
  #follow(group: string | undefined): void {
    if (group === undefined || this.#telling || this.#coordinating) return;
    this.#coordinate(group, this.#parts.now());
  }

  /** Lets a sync group follow its members until it rests. */
  #coordinate(group: string, now: Instant): void {
    this.#coordinating = true;
    const members = [...this.#routerByName.values()].filter(({ config }) => config.syncGroup === group);
    for (let round = 0; ; round += 1) {
      assert(round < GROUP_ROUNDS, "a sync group comes to rest", { group });
      const commands = plan(members.map(({ name, machine }) => ({ router: name, machine })));
      if (commands.length === 0) break;
      for (const { router, command } of commands) {
        this.#routerByName.get(router)?.feed({ type: "group", command }, now);
      }
    }
    this.#coordinating = false;
  }
}
