/** The machine: what is observed goes in, which prefixes this node announces to which peers comes out. */
import type { IpAddress } from "#base/address";
import type { InterfaceAddress } from "#base/prefix";
import type { Instant } from "#base/time";
import type { RouteWord } from "#core/bgp/desired";
import type { PrefixKey } from "#core/bgp/rib-out/prefix-key";
import type { EndpointSlice } from "#core/endpoint-slice/endpoint-slice";
import { PoolIndex } from "#core/ipam/pool-index";
import type { ObjectKey } from "#core/kubernetes/meta";
import type { Configuration } from "#core/metallb/model";
import type { Node } from "#core/node/node";
import type { Service } from "#core/service/service";
import { AdIndex } from "./ads.ts";
import { type Choice, chooseAds, prefixFor } from "./choice.ts";
import { type Explanation, explain } from "./explain.ts";
import { KnownServices, type ServiceEntry } from "./known-services.ts";
import { Prefixes } from "./prefixes.ts";
import type { SilentReason } from "./reason.ts";
import type { Rules } from "./rules.ts";
import { type Share, sharesOf } from "./shares.ts";
import type { Stance } from "./stance.ts";
import { Tellings } from "./telling.ts";
import { ThisNode } from "./this-node.ts";

export type BgpRoutesOptions = {
  /** The name of the node that we run on. */
  readonly node: string;
  /** The `loadBalancerClass` of the Services that are ours; `undefined`: those without a class. */
  readonly lbClass: string | undefined;
  readonly rules: Rules;
  /** Counts what is done: Services judged, prefixes decided about. */
  readonly effort?: { steps: number };
};

/** What a configuration says about announcing to routers, besides the peers. */
export type BgpConfiguration = Pick<Configuration, "pools" | "bgpAdvertisements">;

/** What changed. */
export type RouteChanges = {
  /** New, or different from what was said before. */
  readonly changed: readonly RouteWord[];
  /** Not to be announced any more. */
  readonly removed: readonly InterfaceAddress[];
  /** Whether more is left to decide, because no more was asked for. */
  readonly rest: "none" | "some";
};

const NO_SHARES: readonly Share[] = [];

/** Decides about all Services for one node. See the folder's `index.ts` for the rules that its caller keeps. */
export class BgpRoutes {
  readonly #name: string;
  readonly #effort: { steps: number };
  readonly #services: KnownServices;
  readonly #prefixes = new Prefixes();
  readonly #ads = new AdIndex();
  readonly #node: ThisNode;
  #rules: Rules;
  #pools = new PoolIndex([]);
  #peers: readonly string[] = [];
  #tellings = new Tellings({ peers: [], stance: "regular" });
  /** What all Services were judged by. */
  #judgedBy: { readonly reason: SilentReason | undefined; readonly stance: Stance } = {
    reason: "nodeUnknown",
    stance: "regular",
  };

  constructor({ node, lbClass, rules, effort = { steps: 0 } }: BgpRoutesOptions) {
    this.#name = node;
    this.#rules = rules;
    this.#effort = effort;
    this.#node = new ThisNode(rules);
    this.#services = new KnownServices({ node, lbClass });
  }

  /** Puts pools and advertisements in force, in place of those before. */
  configure({ pools, bgpAdvertisements }: BgpConfiguration): void {
    this.#pools = new PoolIndex(pools);
    this.#ads.configure(bgpAdvertisements, this.#node.labels);
    this.#services.markAll();
  }

  /** The peers of this node, by the names of their BGPPeers: those whose nodeSelectors mean it. */
  setPeers(names: Iterable<string>): void {
    const peers = [...new Set(names)].sort();
    if (peers.length === this.#peers.length && peers.every((peer, index) => peer === this.#peers[index]))
      return;
    this.#peers = peers;
    this.#tell();
    this.#services.markAll();
  }

  /** Follows other rules from now on. */
  follow(rules: Rules): void {
    const { linkBandwidth } = this.#rules;
    this.#rules = rules;
    this.#node.rules = rules;
    if (rules.linkBandwidth?.perEndpoint !== linkBandwidth?.perEndpoint) this.#prefixes.markAll();
  }

  /** Whether the speaker is to go on here, or to end: then it drains. */
  plan(plan: "stay" | "leave"): void {
    this.#node.plan = plan;
  }

  /** Takes note of this node; others make no difference. */
  setNode(node: Node): void {
    if (node.name === this.#name) this.#look(node);
  }

  removeNode(name: string): void {
    if (name === this.#name) this.#look(undefined);
  }

  setService(service: Service): void {
    this.#services.set(service);
  }

  removeService(key: ObjectKey): void {
    this.#services.remove(key);
  }

  setSlice(slice: EndpointSlice): void {
    this.#services.setSlice(slice);
  }

  removeSlice(key: ObjectKey): void {
    this.#services.removeSlice(key);
  }

  /** When `settle` is to be called even if nothing is observed: a drain is over then. */
  get deadline(): Instant | undefined {
    return this.#node.deadline;
  }

  /** How this node announces, as of the last `settle`. */
  get stance(): Stance {
    return this.#node.stance;
  }

  /**
   * Decides about whatever changed, about `most` Services and prefixes at most; gives what is different from what was said before. No
   * prefix is decided about before all Services were, so none goes because it moves from one Service to another.
   */
  settle(now: Instant, most = Number.POSITIVE_INFINITY): RouteChanges {
    this.#renew(now);
    const changed: RouteWord[] = [];
    const removed: InterfaceAddress[] = [];
    let left = most;
    for (const key of this.#services.dirty) {
      if (left <= 0) return { changed, removed, rest: "some" };
      left -= 1;
      this.#services.dirty.delete(key);
      this.#judge(key);
    }
    for (const key of this.#prefixes.dirty) {
      if (left <= 0) return { changed, removed, rest: "some" };
      left -= 1;
      this.#prefixes.dirty.delete(key);
      this.#decide(key, { changed, removed });
    }
    return { changed, removed, rest: "none" };
  }

  /** What was said last of a prefix. */
  get(prefix: InterfaceAddress): RouteWord | undefined {
    return this.#prefixes.told(prefix);
  }

  /** Everything that was said last. */
  all(): Iterable<RouteWord> {
    return this.#prefixes.all();
  }

  /** Why a Service is not announced from here; `undefined` if it is, or if it is none of ours. */
  silence(key: ObjectKey): SilentReason | undefined {
    return this.#services.get(key)?.reason;
  }

  /** The peers that are told of an address of a Service, by name, as ServiceBGPStatus lists them. */
  peersOf(key: ObjectKey): readonly string[] {
    const shares = this.#services.get(key)?.shares ?? NO_SHARES;
    const peers = shares.flatMap(
      ({ prefix }) => this.#prefixes.told(prefix)?.targets.flatMap((target) => target.peers) ?? [],
    );
    return [...new Set(peers)].sort();
  }

  /** Who is told of an address and why the others are not, as of the last `settle`; `undefined` if no Service of ours lists it. */
  explain(address: IpAddress): Explanation | undefined {
    const entries = this.#services.listing(address).flatMap((key) => this.#services.get(key) ?? []);
    if (entries.length === 0) return undefined;
    const kept = entries.flatMap(({ choice }) => (choice?.type === "advertised" ? choice.ads : []));
    return explain({
      address,
      services: entries.map(({ service, reason }) => ({ service: service.key, reason })),
      prefixes: [...this.#ads.all, ...kept].map((ad) => prefixFor(address, ad)),
      peers: this.#peers,
      stance: this.stance,
      noticed: this.#node.noticed,
      told: (prefix) => this.#prefixes.told(prefix),
    });
  }

  #look(node: Node | undefined): void {
    this.#node.node = node;
    if (this.#ads.look(this.#node.labels) === "changed") this.#services.markAll();
  }

  /** Goes on in time, and finds out what that changes. */
  #renew(now: Instant): void {
    this.#node.step(now);
    const { reason, stance } = this.#node;
    const before = this.#judgedBy;
    if (reason === before.reason && stance === before.stance) return;
    this.#judgedBy = { reason, stance };
    if (reason !== before.reason) this.#services.markAll();
    if (stance !== before.stance) this.#tell();
  }

  /** Makes anew what peers are told. */
  #tell(): void {
    this.#tellings = new Tellings({ peers: this.#peers, stance: this.#node.stance });
    this.#prefixes.markAll();
  }

  #judge(key: ObjectKey): void {
    this.#effort.steps += 1;
    const entry = this.#services.get(key);
    if (entry === undefined) {
      this.#prefixes.replace(key, this.#services.takeGone(key), NO_SHARES);
      return;
    }
    entry.choice = this.#choose(entry);
    entry.reason = this.#reasonOf(key, entry);
    const { shares, here } = entry;
    const { choice, reason } = entry;
    const isAnnounced = reason === undefined && choice.type === "advertised";
    entry.shares = isAnnounced ? sharesOf(entry.service.addresses, choice.ads, this.#ads) : NO_SHARES;
    entry.here = this.#services.serving(key).here;
    this.#prefixes.replace(key, shares, entry.shares);
    if (this.#rules.linkBandwidth !== undefined && here !== entry.here)
      for (const share of entry.shares) this.#prefixes.dirty.add(share.key);
  }

  /**
   * A Service whose pool is gone is announced as before until its addresses are taken away: MetalLB's speakers refuse such a
   * configuration until the controller has given it others, and traffic goes on.
   */
  #choose({ service, choice: before }: ServiceEntry): Choice {
    const choice = chooseAds(service, { pools: this.#pools, adsOf: (pool) => this.#ads.ofPool(pool) });
    if (choice.type === "advertised") return { type: "advertised", ads: this.#ads.shared(choice.ads) };
    return choice.reason === "addressOutsidePools" && before?.type === "advertised" ? before : choice;
  }

  /** Asks in the order of `SILENT_REASONS`. */
  #reasonOf(key: ObjectKey, { service, choice }: ServiceEntry): SilentReason | undefined {
    const { reason } = this.#judgedBy;
    if (reason === "nodeUnknown") return reason;
    if (choice === undefined || choice.type === "silent") return choice?.reason;
    if (reason !== undefined) return reason;
    const { anywhere, here } = this.#services.serving(key);
    if (service.policy === "Local" && here === 0) return "noLocalEndpoints";
    if (anywhere === "none") return "noEndpoints";
    return this.#tellings.reaches(choice.ads) ? undefined : "noPeers";
  }

  #decide(
    key: PrefixKey,
    { changed, removed }: { readonly changed: RouteWord[]; readonly removed: InterfaceAddress[] },
  ): void {
    this.#effort.steps += 1;
    const prefix = this.#prefixes.prefixOf(key);
    const adsOf = this.#prefixes.adsOf(key);
    const ads = this.#ads.union(new Set(adsOf.values()));
    const outcome = this.#prefixes.tell(key, this.#tellings.targets(ads, this.#weightOf(adsOf.keys())));
    if (outcome === "removed" && prefix !== undefined) removed.push(prefix);
    else if (typeof outcome === "object") changed.push(outcome);
  }

  /**
   * What a prefix weighs: its endpoints here. Only where all its Services are Local; else each node gets a share of the traffic whatever
   * runs there, and a weight would be given by some nodes and not by others.
   */
  #weightOf(services: Iterable<ObjectKey>): number | undefined {
    const { linkBandwidth } = this.#rules;
    if (linkBandwidth === undefined) return undefined;
    let endpoints = 0;
    for (const key of services) {
      const entry = this.#services.get(key);
      if (entry?.service.policy !== "Local") return undefined;
      endpoints += entry.here;
    }
    return endpoints * linkBandwidth.perEndpoint;
  }
}
