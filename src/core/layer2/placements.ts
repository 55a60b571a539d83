/** The machine: what is observed goes in, who may answer for which address comes out. */
import type { IpAddress } from "#base/address";
import type { EndpointSlice } from "#core/endpoint-slice/endpoint-slice";
import type { ObjectKey } from "#core/kubernetes/meta";
import type { Node } from "#core/node/node";
import type { Service } from "#core/service/service";
import type { Candidate } from "./candidate.ts";
import { claimOf } from "./claim.ts";
import { type AddressEntry, type Asking, demandsOf, isSameList } from "./entry.ts";
import { type Explanation, explain } from "./explain.ts";
import { Fields } from "./fields.ts";
import { type Fitness, Networks } from "./fitness.ts";
import { Fronts } from "./fronts.ts";
import { Holders } from "./holders.ts";
import { KnownNodes } from "./known-nodes.ts";
import { KnownServices, type Layer2Configuration } from "./known-services.ts";
import { LISTED, Orderer } from "./order.ts";
import { type Changes, isSamePlacement, type Placement, placementOf, withFront } from "./placement.ts";
import type { SilentReason } from "./reason.ts";
import type { HolderRecord } from "./record.ts";
import type { Rules } from "./rules.ts";
import { SharedLists } from "./shared-lists.ts";

export type PlacementsOptions = {
  /** The `loadBalancerClass` of the Services that are ours; `undefined`: those without a class. */
  readonly lbClass: string | undefined;
  readonly rules: Rules;
  /** Counts what is done: digests, nodes judged, addresses decided about. */
  readonly effort?: { steps: number };
};

type Told = { readonly placed: Placement[]; readonly withdrawn: IpAddress[] };

/** Decides for all addresses. See the folder's `index.ts` for the rules that its caller keeps. */
export class Placements {
  readonly #effort: { steps: number };
  readonly #orderer: Orderer;
  readonly #nodes: KnownNodes;
  readonly #services: KnownServices;
  readonly #holders = new Holders();
  readonly #fronts: Fronts;
  #rules: Rules;
  #fields: Fields;
  #networks = new Networks([]);
  #spreadState: "current" | "due" = "current";
  /** To be said anew, or decided about and not said yet while the even spread waits until all are decided about. */
  readonly #untold = new Set<AddressEntry>();
  readonly #lists = new SharedLists();
  #dead: ReadonlySet<string> = new Set();

  constructor({ lbClass, rules, effort = { steps: 0 } }: PlacementsOptions) {
    this.#rules = rules;
    this.#effort = effort;
    this.#orderer = new Orderer(effort);
    this.#nodes = new KnownNodes(rules);
    this.#services = new KnownServices(lbClass);
    this.#fronts = new Fronts(this.#services.addresses, this.#orderer);
    this.#fields = new Fields(this.#nodes.facts, effort);
  }

  /** Puts pools and advertisements in force, in place of those before. */
  configure(configuration: Layer2Configuration): void {
    this.#services.configure(configuration);
  }

  /** Follows other rules from now on. */
  follow(rules: Rules): void {
    this.#rules = rules;
    this.#nodes.follow(rules);
    this.#fields.forgetAll();
    for (const address of this.#services.addresses.keys()) this.#services.dirty.add(address);
    this.#fronts.clear();
    this.#spreadState = "due";
  }

  setNode(node: Node): void {
    this.#nodes.setNode(node);
  }

  removeNode(name: string): void {
    this.#nodes.removeNode(name);
  }

  /** The nodes on which a speaker runs; `undefined` if that is not known, and every node is taken to run one. */
  setSpeakers(names: ReadonlySet<string> | undefined): void {
    this.#nodes.setSpeakers(names);
  }

  /** What a node's interfaces can carry; `undefined` if that is not known any more. */
  setFitness(node: string, fitness: Fitness | undefined): void {
    this.#nodes.setFitness(node, fitness);
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

  /**
   * The nodes that are known to be dead, however that came to be known. They keep their places, and as many more nodes are listed
   * after them: no address is without a living candidate because all that are preferred are dead. Of those `LISTED` are listed at most.
   */
  setDead(names: ReadonlySet<string>): void {
    const isDifferent = (node: string): boolean => names.has(node) !== this.#dead.has(node);
    // Where not all that are dead are listed, one of the others may be back.
    const isCut = (candidates: readonly string[]): boolean =>
      candidates.length > LISTED && candidates.filter((node) => this.#dead.has(node)).length >= LISTED;
    for (const entry of this.#services.addresses.values()) {
      const candidates = entry.placement?.candidates ?? [];
      if (candidates.some(isDifferent) || isCut(candidates)) this.#untold.add(entry);
    }
    this.#dead = names;
  }

  /** Takes note of who is recorded as a holder. Only the even spread looks at it. */
  setHolder(record: HolderRecord): void {
    if (this.#holders.set(record) === "changed") this.#spreadState = "due";
  }

  removeHolder(key: ObjectKey): void {
    if (this.#holders.remove(key) === "changed") this.#spreadState = "due";
  }

  /** Decides about whatever changed, and says so, of `most` addresses at most; gives what is different from what was said before. */
  settle(most = Number.POSITIVE_INFINITY): Changes {
    this.#judge();
    const told: Told = { placed: [], withdrawn: [] };
    const { dirty } = this.#services;
    let left = most;
    for (const address of dirty) {
      if (left <= 0) return { ...told, rest: "some" };
      left -= 1;
      dirty.delete(address);
      this.#decide(address, told);
    }
    const { order } = this.#rules;
    if (order.type === "spread" && this.#spreadState === "due") this.#spread(order.slack);
    this.#spreadState = "current";
    for (const entry of this.#untold) {
      // The even spread is said as a whole.
      if (left <= 0 && order.type === "hash") return { ...told, rest: "some" };
      left -= 1;
      this.#untold.delete(entry);
      this.#tell(entry, told);
    }
    return { ...told, rest: "none" };
  }

  /** Sets of candidates, and combinations of advertisements and networks, that are kept now. */
  kept(): { readonly sets: number; readonly fields: number } {
    return { sets: this.#fields.sets.size, fields: this.#fields.size };
  }

  /** What was said last of an address. */
  get(address: IpAddress): Placement | undefined {
    return this.#services.addresses.get(address)?.placement;
  }

  /** The Services that list an address, announced or not. */
  listing(address: IpAddress): readonly ObjectKey[] {
    return this.#services.addresses.get(address)?.services ?? [];
  }

  /** Everything that was said last. */
  *all(): Iterable<Placement> {
    for (const { placement } of this.#services.addresses.values())
      if (placement !== undefined) yield placement;
  }

  /** All candidates of an address in order, those that are not listed included. */
  candidates(address: IpAddress): readonly string[] {
    const entry = this.#services.addresses.get(address);
    return entry === undefined ? [] : this.#inOrder(entry).map(({ node }) => node);
  }

  /** Why nobody answers for a Service; `undefined` if somebody may, or if it is none of ours. */
  silence(key: ObjectKey): SilentReason | undefined {
    const entry = this.#services.get(key);
    if (entry === undefined) return undefined;
    if (entry.intent.type === "silent") return entry.intent.reason;
    const hasCandidates = entry.announced.addresses.some((address) => {
      const placement = this.get(address);
      return placement !== undefined && placement.candidates.length > 0 && placement.services.includes(key);
    });
    return hasCandidates ? undefined : "no-candidates";
  }

  /** Why an address is answered by whom, as of the last `settle`; `undefined` if no Service of ours lists it. */
  explain(address: IpAddress): Explanation | undefined {
    const entry = this.#services.addresses.get(address);
    if (entry === undefined) return undefined;
    const silent = entry.services.flatMap((service) => {
      const intent = this.#services.get(service)?.intent;
      return intent?.type === "silent" ? [{ service, reason: intent.reason, leftOut: [] }] : [];
    });
    return explain({ entry, silent, candidates: this.#inOrder(entry), nodes: this.#nodes.facts });
  }

  /** Judges nodes of which something changed, and finds the addresses for which that matters. */
  #judge(): void {
    const { names, links } = this.#nodes.takeChanged();
    if (names.size === 0) return;
    const fields = this.#fields.judge(names);
    const areNew = links === "changed" && this.#renewNetworks();
    if (fields.size === 0 && !areNew) return;
    for (const entry of this.#services.addresses.values()) {
      const { claim } = entry;
      const isElsewhere = areNew && this.#isElsewhere(entry);
      const isConcerned = claim !== undefined && demandsOf(claim).some(({ field }) => fields.has(field));
      if (isElsewhere || isConcerned) this.#services.dirty.add(entry.address);
    }
  }

  /** Learns which networks there are; says whether they are others than before. */
  #renewNetworks(): boolean {
    const networks = new Networks(this.#nodes.reports());
    if (networks.equals(this.#networks)) return false;
    this.#networks = networks;
    return true;
  }

  /** Looks up the networks of an address anew; says whether they are others than before. */
  #isElsewhere(entry: AddressEntry): boolean {
    const before = entry.networks;
    entry.networks = this.#networks.around(entry.address);
    return before === undefined || !isSameList(before, entry.networks);
  }

  #decide(address: IpAddress, told: Told): void {
    const entry = this.#services.addresses.get(address);
    if (entry === undefined) return;
    this.#effort.steps += 1;
    const before = entry.claim;
    entry.claim = claimOf(this.#askingOf(entry), {
      listing: entry.services,
      before,
      fields: this.#fields,
      orderer: this.#orderer,
    });
    if (entry.claim !== undefined) this.#fields.use(demandsOf(entry.claim));
    if (before !== undefined) this.#fields.release({ demands: demandsOf(before), set: before.ranking.set });
    if (before?.ranking.set !== entry.claim?.ranking.set || before?.lead !== entry.claim?.lead)
      this.#spreadState = "due";
    if (entry.claim === undefined) {
      if (entry.placement !== undefined) told.withdrawn.push(address);
      entry.placement = undefined;
      if (entry.services.length === 0) this.#services.addresses.delete(address);
      return;
    }
    // The even spread has the last word, which it has once everything is decided about.
    if (this.#rules.order.type === "hash") this.#tell(entry, told);
    else this.#untold.add(entry);
  }

  /** What each Service asks that lists an address and is announced, by name. */
  #askingOf(entry: AddressEntry): readonly Asking[] {
    const networks = entry.networks ?? this.#networks.around(entry.address);
    entry.networks = networks;
    return entry.services.flatMap((service) => {
      const known = this.#services.get(service);
      if (known?.intent.type !== "announce") return [];
      const { ads, lead } = known.intent;
      const field = this.#fields.of(ads, networks, this.#rules);
      const isLocal = known.announced.policy === "Local";
      const demand = isLocal ? { field, among: this.#services.serving(service).nodes } : field.anywhere[0];
      return [{ service, lead, demand }];
    });
  }

  #spread(slack: number): void {
    this.#fronts.spread(slack, this.#holders);
    for (const entry of this.#services.addresses.values())
      if (!isSameList(entry.front, this.#fronts.of(entry))) this.#untold.add(entry);
  }

  #tell(entry: AddressEntry, { placed }: Told): void {
    const { address, claim } = entry;
    if (claim === undefined) return;
    entry.front = this.#fronts.of(entry);
    const placement = placementOf(
      { address, ...claim },
      {
        front: this.#fronts.candidates(entry),
        dead: this.#dead,
        lists: this.#lists,
        all: () => this.#orderer.all(claim.ranking.set, claim.lead),
      },
    );
    if (entry.placement !== undefined && isSamePlacement(entry.placement, placement)) return;
    entry.placement = placement;
    placed.push(placement);
  }

  #inOrder(entry: AddressEntry): readonly Candidate[] {
    const { claim } = entry;
    if (claim === undefined) return [];
    const all = this.#orderer.all(claim.ranking.set, claim.lead);
    return withFront(this.#fronts.candidates(entry), all);
  }
}

/** A machine that knows nothing yet. */
export const createPlacements = (options: PlacementsOptions): Placements => new Placements(options);
