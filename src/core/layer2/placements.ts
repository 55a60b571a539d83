/** The machine: what is observed goes in, who may answer for which address comes out. */
import { compareAddresses, type IpAddress } from "#base/address";
import type { EndpointSlice } from "#core/endpoint-slice/endpoint-slice";
import type { ObjectKey } from "#core/kubernetes/meta";
import type { Node } from "#core/node/node";
import type { Service } from "#core/service/service";
import type { Candidate } from "./candidate.ts";
import type { Demand } from "./demand.ts";
import { type AddressEntry, type Claim, distinct, isSameList } from "./entry.ts";
import { type Explanation, explain } from "./explain.ts";
import { Fields } from "./fields.ts";
import { type Fitness, Networks } from "./fitness.ts";
import { Holders } from "./holders.ts";
import { KnownNodes } from "./known-nodes.ts";
import { KnownServices, type Layer2Configuration } from "./known-services.ts";
import { Orderer } from "./order.ts";
import { type Changes, isSamePlacement, type Placement, placementOf } from "./placement.ts";
import type { SilentReason } from "./reason.ts";
import type { HolderRecord } from "./record.ts";
import type { Rules } from "./rules.ts";
import { type Leader, spreadLeaders } from "./spreading.ts";

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
  #rules: Rules;
  #fields: Fields;
  #networks = new Networks([]);
  #spreadState: "current" | "due" = "current";
  /** Decided about, and not said yet, while the even spread waits until all are decided about. */
  readonly #untold = new Set<AddressEntry>();
  /** The nodes that the even spread chose, by leading address. */
  #chosen: ReadonlyMap<string, string> = new Map();

  constructor({ lbClass, rules, effort = { steps: 0 } }: PlacementsOptions) {
    this.#rules = rules;
    this.#effort = effort;
    this.#orderer = new Orderer(effort);
    this.#nodes = new KnownNodes(rules);
    this.#services = new KnownServices(lbClass);
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
    this.#chosen = new Map();
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

  /** Takes note of who is recorded as a holder. Only the even spread looks at it. */
  setHolder(record: HolderRecord): void {
    if (this.#holders.set(record) === "changed") this.#spreadState = "due";
  }

  removeHolder(key: ObjectKey): void {
    if (this.#holders.remove(key) === "changed") this.#spreadState = "due";
  }

  /** Decides about whatever changed, about `most` addresses at most; gives what is different from what was said before. */
  settle(most = Number.POSITIVE_INFINITY): Changes {
    this.#judge();
    const told: Told = { placed: [], withdrawn: [] };
    const { dirty, addresses } = this.#services;
    let left = most;
    for (const address of dirty) {
      if (left <= 0) return { ...told, rest: "some" };
      left -= 1;
      dirty.delete(address);
      this.#decide(address, told);
    }
    const { order } = this.#rules;
    if (order.type === "spread" && this.#spreadState === "due") this.#spread(order.slack);
    const isAll = order.type === "spread" && this.#spreadState === "due";
    for (const entry of isAll ? addresses.values() : this.#untold) this.#tell(entry, told);
    this.#untold.clear();
    this.#spreadState = "current";
    return { ...told, rest: "none" };
  }

  /** What was said last of an address. */
  get(address: IpAddress): Placement | undefined {
    return this.#services.addresses.get(address)?.placement;
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
    const hasCandidates = entry.announced.addresses.some(
      (address) => (this.get(address)?.candidates.length ?? 0) > 0,
    );
    return hasCandidates ? undefined : "no-candidates";
  }

  /** Why an address is answered by whom; `undefined` if no Service of ours lists it. */
  explain(address: IpAddress): Explanation | undefined {
    const entry = this.#services.addresses.get(address);
    if (entry === undefined) return undefined;
    const silent = [...entry.services].sort().flatMap((service) => {
      const intent = this.#services.get(service)?.intent;
      return intent?.type === "silent" ? [{ service, reason: intent.reason }] : [];
    });
    return explain({ entry, silent, candidates: this.#inOrder(entry), nodes: this.#nodes.facts });
  }

  /** Judges nodes of which something changed, and finds the addresses for which that matters. */
  #judge(): void {
    const { names, links } = this.#nodes.takeChanged();
    if (names.size === 0) return;
    const fields = this.#fields.judge(names);
    if (links === "changed") this.#networks = new Networks(this.#nodes.reports());
    if (fields.size === 0 && links === "current") return;
    for (const entry of this.#services.addresses.values()) {
      const isConcerned = entry.claim?.demands.some(({ field }) => fields.has(field)) ?? false;
      if (isConcerned || (links === "changed" && this.#isElsewhere(entry)))
        this.#services.dirty.add(entry.address);
    }
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
    entry.claim = this.#claimOf(entry);
    if (before !== undefined) this.#fields.release({ demands: before.demands, set: before.ranking.set });
    if (before?.ranking.set !== entry.claim?.ranking.set || before?.lead !== entry.claim?.lead)
      this.#spreadState = "due";
    if (entry.claim === undefined) {
      if (entry.placement !== undefined) told.withdrawn.push(address);
      entry.placement = undefined;
      if (entry.services.size === 0) this.#services.addresses.delete(address);
      return;
    }
    // The even spread has the last word, which it has once everything is decided about.
    if (this.#rules.order.type === "hash") this.#tell(entry, told);
    else this.#untold.add(entry);
  }

  #claimOf(entry: AddressEntry): Claim | undefined {
    entry.networks ??= this.#networks.around(entry.address);
    const services: ObjectKey[] = [];
    const demands: Demand[] = [];
    const leads: IpAddress[] = [];
    for (const key of [...entry.services].sort()) {
      const service = this.#services.get(key);
      if (service?.intent.type !== "announce") continue;
      const { ads, lead } = service.intent;
      const field = this.#fields.of(ads, entry.networks, this.#rules);
      const isLocal = service.announced.policy === "Local";
      services.push(key);
      leads.push(lead);
      demands.push({ field, among: isLocal ? this.#services.serving(key).nodes : undefined });
    }
    // Services that share one address may begin with another; MetalLB would then answer on several nodes.
    const lead = leads.reduce<IpAddress | undefined>(
      (least, one) => (least === undefined || compareAddresses(one, least) < 0 ? one : least),
      undefined,
    );
    if (lead === undefined) return undefined;
    const asked = distinct(demands);
    const set = this.#fields.use(asked);
    const before = entry.claim;
    if (before === undefined || before.lead !== lead)
      return { lead, services, demands: asked, ranking: this.#orderer.rank(set, lead) };
    const ranking =
      before.ranking.set === set ? before.ranking : this.#orderer.rerank(before.ranking, set, lead);
    return { lead, services, demands: asked, ranking };
  }

  #spread(slack: number): void {
    const leaders: Leader[] = [];
    for (const { address, claim } of this.#services.addresses.values()) {
      if (claim === undefined || claim.lead !== address) continue;
      this.#effort.steps += 1;
      const recorded = this.#holders.of(claim.services);
      leaders.push({ lead: address, ranking: claim.ranking, recorded });
    }
    this.#chosen = spreadLeaders(leaders, slack, this.#orderer).nodeById;
  }

  /** The candidate that the even spread chose for an address or the one that it follows. */
  #choice({ lead, ranking }: Claim): Candidate | undefined {
    const leader = this.#services.addresses.get(lead)?.claim?.lead ?? lead;
    const node = this.#chosen.get(leader);
    return node === undefined
      ? undefined
      : (ranking.first.find((candidate) => candidate.node === node) ??
          ranking.set.candidates.find((candidate) => candidate.node === node));
  }

  #tell(entry: AddressEntry, { placed }: Told): void {
    const { address, claim } = entry;
    if (claim === undefined) return;
    const placement = placementOf({ address, ...claim }, claim.ranking, this.#choice(claim));
    if (entry.placement !== undefined && isSamePlacement(entry.placement, placement)) return;
    entry.placement = placement;
    placed.push(placement);
  }

  #inOrder({ claim }: AddressEntry): readonly Candidate[] {
    if (claim === undefined) return [];
    const all = this.#orderer.all(claim.ranking.set, claim.lead);
    const first = this.#choice(claim);
    return first === undefined ? all : [first, ...all.filter(({ node }) => node !== first.node)];
  }
}

/** A machine that knows nothing yet. */
export const createPlacements = (options: PlacementsOptions): Placements => new Placements(options);
