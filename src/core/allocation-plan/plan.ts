/** Which Services would get, lose or change an address by a change of the world. */
import type { IpAddress } from "#base/address";
import { parseServiceAddress } from "#core/ipam/block";
import type { Decision } from "#core/ipam/decide";
import { type ObjectKey, objectKey } from "#core/kubernetes/meta";
import type { Configuration } from "#core/metallb/model";
import type { ObjectProblem } from "#core/metallb/problem";
import { readConfiguration } from "#core/metallb/read";
import type { Service } from "#core/service/service";
import { Rehearsal } from "./rehearsal.ts";
import type { World } from "./world.ts";

/** What becomes of the addresses of one Service. */
export type Move = {
  readonly service: ObjectKey;
  /**
   * `gets`: what it has stays, and it has more. `loses`: it has nothing new, and less. `changes`: both. `removed`: the Service
   * itself goes away, and had addresses.
   */
  readonly change: "gets" | "loses" | "changes" | "removed";
  /** What its status lists now. */
  readonly before: readonly IpAddress[];
  readonly after: readonly IpAddress[];
  /** The pool of `after`; `undefined` when that is empty. */
  readonly pool: string | undefined;
  /** Whether a controller would do the same without the change, since what is there now is not at rest. */
  readonly isAnyway: boolean;
  /** The decisions that led there, in order. */
  readonly decisions: readonly Decision[];
};

/** A Service that would have no address, or less than it asks for. */
export type Pending = {
  readonly service: ObjectKey;
  /** Whether it is new in that. */
  readonly isNew: boolean;
  readonly decision: Extract<Decision, { outcome: "refused" }>;
};

export type Plan = {
  /** By name. */
  readonly moves: readonly Move[];
  /** By name. */
  readonly pending: readonly Pending[];
  /** Services that keep exactly what they have. */
  readonly unchanged: number;
  /** Services of type LoadBalancer that an allocation with this class does not care for. */
  readonly notOurs: number;
  readonly warnings: readonly ObjectProblem[];
};

export type Planned =
  | { readonly ok: true; readonly plan: Plan }
  /** The resources of `now`, or those with the change, are no valid configuration. */
  | { readonly ok: false; readonly world: "now" | "next"; readonly problems: readonly ObjectProblem[] };

export type PlanOptions = {
  readonly now: World;
  /** The same as `now` to ask what a controller would do without any change. */
  readonly next: World;
  /** The class that the controller serves; `undefined`: Services without one. */
  readonly lbClass: string | undefined;
};

const addressesOf = (service: Service | undefined): readonly IpAddress[] =>
  (service?.ingress ?? []).flatMap(({ ip }) => (ip === undefined ? [] : (parseServiceAddress(ip) ?? [])));

const isSame = (left: readonly IpAddress[], right: readonly IpAddress[]): boolean =>
  left.length === right.length && left.every((address) => right.includes(address));

const changeOf = (before: readonly IpAddress[], after: readonly IpAddress[]): Move["change"] => {
  const isLess = before.some((address) => !after.includes(address));
  const isMore = after.some((address) => !before.includes(address));
  return isLess ? (isMore ? "changes" : "loses") : "gets";
};

/** What a controller would make of the change, told in the order in which it would best be made: what goes away first. */
const rehearseChange = (
  rehearsal: Rehearsal,
  { now, next }: PlanOptions,
  configuration: Configuration,
): void => {
  const before = new Map(now.services.map((service) => [objectKey(service.meta), service]));
  const after = new Set(next.services.map(({ meta }) => objectKey(meta)));
  for (const key of before.keys()) if (!after.has(key)) rehearsal.remove(key);
  rehearsal.configure(configuration);
  for (const service of next.services)
    if (before.get(objectKey(service.meta)) !== service) rehearsal.change(service);
};

const byService = (left: { readonly service: ObjectKey }, right: { readonly service: ObjectKey }): number =>
  left.service < right.service ? -1 : Number(left.service > right.service);

/** A Service before, at rest without the change, and at rest with it. */
type Three = {
  readonly now: Service | undefined;
  readonly rested: Service | undefined;
  readonly next: Service | undefined;
};

const moveOf = (
  service: ObjectKey,
  { now, rested, next }: Three,
  {
    decisions,
    final,
    isChange,
  }: {
    readonly decisions: readonly Decision[];
    readonly final: Decision | undefined;
    readonly isChange: boolean;
  },
): Move | undefined => {
  const [before, after] = [addressesOf(now), addressesOf(next)];
  if (isSame(before, after)) return undefined;
  return {
    service,
    change: next === undefined ? "removed" : changeOf(before, after),
    before,
    after,
    pool: final?.outcome === "allocated" ? final.pool : undefined,
    isAnyway: isChange && next !== undefined && isSame(addressesOf(rested), after),
    decisions,
  };
};

/** A rehearsal of both, with what was decided about each Service. */
type Played = {
  readonly rehearsal: Rehearsal;
  readonly rested: ReadonlyMap<ObjectKey, Service>;
  readonly decisionsOf: (service: ObjectKey) => readonly Decision[];
};

const play = (options: PlanOptions, first: Configuration, second: Configuration): Played => {
  const rehearsal = new Rehearsal(options.lbClass);
  rehearsal.start(first, options.now.services);
  const rested = new Map(rehearsal.services);
  const atFirst = rehearsal.drainDecisions();
  rehearseChange(rehearsal, options, second);
  const later = rehearsal.drainDecisions();
  return {
    rehearsal,
    rested,
    decisionsOf: (service) => [...(atFirst.get(service) ?? []), ...(later.get(service) ?? [])],
  };
};

const compare = (
  { now, next }: PlanOptions,
  { rehearsal, rested, decisionsOf }: Played,
): Omit<Plan, "warnings"> => {
  const nowByKey = new Map(now.services.map((service) => [objectKey(service.meta), service]));
  const moves: Move[] = [];
  const pending: Pending[] = [];
  let [unchanged, notOurs] = [0, 0];
  for (const service of new Set([...nowByKey.keys(), ...rehearsal.services.keys()])) {
    const three = {
      now: nowByKey.get(service),
      rested: rested.get(service),
      next: rehearsal.services.get(service),
    };
    const explanation = rehearsal.allocation.explain(service);
    const final = explanation?.state === "decided" ? explanation.decision : undefined;
    const move = moveOf(service, three, { decisions: decisionsOf(service), final, isChange: next !== now });
    if (move !== undefined) moves.push(move);
    if (final?.outcome === "refused") {
      const isNew = three.now === undefined || addressesOf(three.now).length > 0;
      pending.push({ service, isNew, decision: final });
    } else if (move === undefined && final !== undefined) unchanged += 1;
    if (explanation?.state === "not-ours" && explanation.because === "other-class") notOurs += 1;
  }
  return { moves: moves.toSorted(byService), pending: pending.toSorted(byService), unchanged, notOurs };
};

/** Compares what Services have with what they would have. Decides nothing itself; see `core/allocation`. */
export const planChange = (options: PlanOptions): Planned => {
  const first = readConfiguration(options.now);
  if (!first.ok) return { ok: false, world: "now", problems: first.problems };
  const second = readConfiguration(options.next);
  if (!second.ok) return { ok: false, world: "next", problems: second.problems };
  const played = play(options, first.configuration, second.configuration);
  return { ok: true, plan: { ...compare(options, played), warnings: second.warnings } };
};

/** Whether a Service would be without an address that it has now. */
export const breaksSomething = ({ moves }: Plan): boolean => moves.some(({ change }) => change !== "gets");
