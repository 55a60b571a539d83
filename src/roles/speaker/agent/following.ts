/**
 * Follows the cluster: reads it, decides which nodes may answer for which address, and tells the wire.
 *
 * Nothing is told before all has been read and a valid configuration has been in force: until then the wire goes on with what it
 * knows, from an earlier agent or from its disk.
 */
import type { IpAddress } from "#base/address";
import type { MacAddress } from "#base/mac";
import { type Duration, micros, seconds } from "#base/time";
import type { ObjectKey } from "#core/kubernetes/meta";
import { createPlacements, type Placements } from "#core/layer2/placements";
import type { SpeakerEvent } from "#core/speaker/event";
import { carriesAddress } from "#core/speaker-report/report";
import type { ClusterPort, Failure } from "#drivers/kubernetes/port";
import type { Cancel, Time } from "#drivers/kubernetes/time";
import { BGP_STATUSES, CONFIGURATION_STATES, L2_STATUSES } from "#runtime/cluster/resources";
import type { SpeakerOptions } from "../options.ts";
import { BgpFollowing } from "./bgp/following.ts";
import { SpeakerConfiguration } from "./configuration.ts";
import { dutiesOf } from "./duties.ts";
import type { Heard, News } from "./heard.ts";
import { type Changed, ClusterMirror } from "./mirror.ts";
import { Orders } from "./orders.ts";
import { Reporter } from "./reporter.ts";
import { rulesOf } from "./rules.ts";
import type { ToWire } from "./to-wire.ts";
import { Touched } from "./touched.ts";
import type { Troubles } from "./troubles.ts";

export type FollowingOptions = Pick<
  SpeakerOptions,
  | "node"
  | "namespace"
  | "loadBalancerClass"
  | "rules"
  | "spread"
  | "ignoreExcludeLabel"
  | "probe"
  | "bgpListen"
  | "bgpEngine"
>;

export type FollowingParts = {
  readonly cluster: ClusterPort;
  readonly clock: Time;
  readonly wire: ToWire;
  readonly heard: Heard;
  readonly troubles: Troubles;
  readonly tell: (event: SpeakerEvent) => void;
  readonly options: FollowingOptions;
};

/** Addresses that are decided about in one turn of the event loop. */
const TURN = 16;
/** Between a change and another look at who probes what: for each address a step for each of its candidates. */
const DUTY_PAUSE: Duration = seconds(1);
/** So many are gone through in ten milliseconds or so. */
const DUTIES_A_SECOND = 2_500;
const dutyPause = (addresses: number): Duration =>
  micros(Math.max(DUTY_PAUSE, seconds(Math.ceil(addresses / DUTIES_A_SECOND))));
/** Kinds of MetalLB's that an older one does not have. */
const OPTIONAL: ReadonlySet<string> = new Set([
  ...[CONFIGURATION_STATES.plural, L2_STATUSES.plural, BGP_STATUSES.plural],
  ...["bgpadvertisements", "bgppeers", "bfdprofiles", "communities"],
]);
/** An API server that has just started does not know such kinds for a while. */
const UNKNOWN_KIND: Duration = seconds(15);

export class Following {
  readonly placements: Placements;
  readonly mirror: ClusterMirror;
  readonly orders: Orders;
  readonly bgp: BgpFollowing;
  readonly #parts: FollowingParts;
  readonly #configuration: SpeakerConfiguration;
  readonly #reporter: Reporter;
  readonly #cancels = new Map<string, Cancel>();
  #dead: ReadonlySet<string> = new Set();
  readonly #touched = new Touched();
  #areMembersDue = false;
  #turn: "none" | "planned" | "closed" = "none";

  constructor(parts: FollowingParts) {
    const { cluster, wire, tell, heard, options } = parts;
    const { node, namespace, loadBalancerClass } = options;
    this.#parts = parts;
    this.orders = new Orders({ self: node, wire, onAllPlaced: () => this.#onAllPlaced() });
    const rules = rulesOf(options);
    this.placements = createPlacements({ lbClass: loadBalancerClass, rules });
    this.#bury();
    const trouble = (resource: string, failure: Failure | undefined): void =>
      this.#onTrouble(resource, failure);
    this.bgp = new BgpFollowing({ ...parts, trouble, onTold: () => this.#reporter.routesChanged() });
    this.mirror = new ClusterMirror(cluster, {
      ...{ namespace, placements: this.placements, routes: this.bgp.hearer },
      holders: rules.order.type === "spread" ? "followed" : "ignored",
      listener: { changed: (...change) => this.#onChange(...change), trouble },
    });
    const { bgp, mirror, placements } = this;
    const routing = {
      statusesOf: (service: ObjectKey) => bgp.statuses.of(service),
      silence: (service: ObjectKey) => bgp.routes.silence(service),
    };
    this.#reporter = new Reporter(parts, { mirror, placements, routing });
    this.#configuration = new SpeakerConfiguration({
      ...{ cluster, namespace, tell, trouble, refused: heard.view.refused },
      onChanged: () => this.bgp.poolsChanged(),
      onApplied: (configuration) => {
        this.placements.configure(configuration);
        this.#touched.all();
        this.#plan();
      },
    });
    this.bgp.begin({ mirror: this.mirror, pools: () => this.#configuration.pools() });
  }

  /** Whether there has been a valid configuration. */
  get isConfigured(): boolean {
    return this.#configuration.isInForce;
  }

  /** Writes that wait for their turn or for the API server. */
  get waitingWrites(): number {
    return this.#reporter.waiting + this.bgp.waitingWrites;
  }

  /** Machines that are none of ours, by the address that they answer for. */
  get strangers(): ReadonlyMap<IpAddress, MacAddress> {
    return this.#reporter.strangers;
  }

  /** The wire has said something that is another thing than before. */
  heardNews(news: readonly News[]): void {
    this.#reporter.heardNews(news);
    if (news.includes("bgp")) this.bgp.heardFacts();
    if (!news.includes("observation")) return;
    this.bgp.heardNews();
    // While ten thousand addresses move, nobody else dies.
    if (news.includes("members") && this.#bury()) {
      this.#touched.all();
      this.#plan();
    }
    this.#planDuties();
  }

  /** The wire reads again. */
  drained(): void {
    this.orders.pump();
    this.bgp.drained();
  }

  /** Writes what must be written before the end. */
  async close(): Promise<void> {
    this.#turn = "closed";
    for (const cancel of this.#cancels.values()) cancel();
    this.#configuration.close();
    this.bgp.close();
    await this.#reporter.close();
    this.mirror.close();
  }

  /** Takes note of who is dead; gives whether somebody else is than before. */
  #bury(): boolean {
    const { members } = this.#parts.heard.view;
    const dead = new Set([...members].flatMap(([node, { standing }]) => (standing === "dead" ? [node] : [])));
    if (dead.size === this.#dead.size && [...dead].every((node) => this.#dead.has(node))) return false;
    this.#dead = dead;
    this.placements.setDead(dead);
    return true;
  }

  #onChange(what: Changed, services?: readonly ObjectKey[]): void {
    if (what === "members") this.#areMembersDue = true;
    this.#touched.services(services);
    this.bgp.clusterChanged();
    this.#plan();
  }

  #onTrouble(resource: string, failure: Failure | undefined): void {
    const { troubles } = this.#parts;
    if (failure?.reason === "not-found" && OPTIONAL.has(resource)) {
      troubles.end(resource);
      this.#later(resource, UNKNOWN_KIND, () => this.mirror.countAsEmpty(resource));
      return;
    }
    this.#forget(resource);
    if (failure === undefined) troubles.end(resource);
    else troubles.begin(resource, failure.message);
  }

  #plan(): void {
    if (this.#turn !== "none") return;
    this.#turn = "planned";
    setImmediate(() => {
      if (this.#turn === "closed") return;
      this.#turn = "none";
      this.#takeTurn();
    });
  }

  #takeTurn(): void {
    if (!this.mirror.isSynced) return;
    if (this.#areMembersDue) {
      this.#areMembersDue = false;
      this.orders.setMembers(this.mirror.members());
    }
    this.#reporter.begin();
    if (!this.#configuration.isInForce) return;
    const changes = this.placements.settle(TURN);
    this.orders.place(changes);
    this.#touched.addresses(changes);
    if (changes.rest === "some") {
      this.#plan();
      return;
    }
    this.#reporter.decided(this.#touched.take());
    this.#planDuties();
  }

  #onAllPlaced(): void {
    const { heard, tell, troubles } = this.#parts;
    troubles.allRead();
    if (!heard.view.isSynced) tell({ type: "speaker", change: "synced" });
    this.#planDuties();
  }

  /** Many changes come at once, and a probe that begins a second later has lost nothing. */
  #planDuties(): void {
    if (this.#parts.options.probe)
      this.#later("duties", dutyPause(this.orders.placements ?? 0), () => this.#askForDuties());
  }

  #askForDuties(): void {
    const { heard, options } = this.#parts;
    if (!this.orders.isAllPlaced) return;
    const { statuses, services } = this.mirror;
    const { addresses, members } = heard.view;
    const duties = dutiesOf({
      ...{ self: options.node, placements: this.placements.all() },
      isAlive: (node) => (members.get(node)?.standing ?? "alive") === "alive",
      tenureOf: (address) => addresses.get(address)?.state,
      holdersOf: (service) => statuses.of(service).map(({ node }) => node),
      serviceOf: (service) => services.get(service),
      speakers: this.mirror.members().map(({ name }) => name),
      carries: (node, address) => carriesAddress(this.mirror.reportOf(node), address),
    });
    this.orders.ask(duties);
    // Nothing that is asked for no more is told any more: who asks for it now has the word.
    const isLess = heard.keepVerdicts(new Set(duties.map(({ address }) => address)));
    if (isLess) this.#reporter.heardNews(["verdicts"]);
  }

  /** Runs `action` after a while, unless that is planned for the key already. */
  #later(key: string, delay: Duration, action: () => void): void {
    if (this.#cancels.has(key)) return;
    const cancel = this.#parts.clock.later(delay, () => {
      this.#cancels.delete(key);
      action();
    });
    this.#cancels.set(key, cancel);
  }

  #forget(key: string): void {
    this.#cancels.get(key)?.();
    this.#cancels.delete(key);
  }
}
