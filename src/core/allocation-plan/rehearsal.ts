/** Lets the allocation come to rest: what it wants written is written into Services here, until it wants nothing more. */
import { assert, at } from "#base/assert";
import { type Allocation, createAllocation } from "#core/allocation/allocation";
import { ALLOCATED, type Outcome, type ServiceWrite } from "#core/allocation/outcome";
import type { Decision } from "#core/ipam/decide";
import type { Condition } from "#core/kubernetes/condition";
import { type ObjectKey, objectKey } from "#core/kubernetes/meta";
import type { Configuration } from "#core/metallb/model";
import type { Service } from "#core/service/service";

/** More writes to one Service than could follow from one change. */
const MOST_WRITES = 32;

const conditionsAfter = (service: Service, { condition }: ServiceWrite): readonly Condition[] => {
  const others = service.conditions.filter(({ type }) => type !== ALLOCATED);
  if (condition === undefined) return others;
  return [...others, { ...condition, lastTransitionTime: "", observedGeneration: service.meta.generation }];
};

const annotationsAfter = (
  service: Service,
  { annotations }: ServiceWrite,
): Service["meta"]["annotations"] => {
  const after: Record<string, string> = { ...service.meta.annotations };
  for (const [key, value] of Object.entries(annotations)) {
    if (value === undefined) delete after[key];
    else after[key] = value;
  }
  return after;
};

/** A Service as it is once a write has gone through. */
const written = (service: Service, write: ServiceWrite, resourceVersion: string): Service => ({
  ...service,
  meta: { ...service.meta, resourceVersion, annotations: annotationsAfter(service, write) },
  ingress: write.ingress,
  conditions: conditionsAfter(service, write),
});

export class Rehearsal {
  readonly allocation: Allocation;
  readonly #services = new Map<ObjectKey, Service>();
  readonly #writes = new Map<ObjectKey, number>();
  #decisions = new Map<ObjectKey, readonly Decision[]>();
  #version = 0;

  /** `lbClass` is the class that the controller serves; `undefined` serves Services without one. */
  constructor(lbClass: string | undefined) {
    this.allocation = createAllocation({ lbClass });
  }

  /** Every Service as it is now. */
  get services(): ReadonlyMap<ObjectKey, Service> {
    return this.#services;
  }

  /** What has been decided about each Service, in order, since this was called last. */
  drainDecisions(): ReadonlyMap<ObjectKey, readonly Decision[]> {
    const decisions = this.#decisions;
    this.#decisions = new Map();
    return decisions;
  }

  /** Starts as a controller does: the configuration and every Service are known before anything is given. */
  start(configuration: Configuration, services: readonly Service[]): void {
    this.allocation.configure(configuration);
    for (const service of services) this.allocation.observe(this.#keep(service));
    this.#settle(this.allocation.synced());
  }

  configure(configuration: Configuration): void {
    this.#writes.clear();
    this.#settle(this.allocation.configure(configuration));
  }

  /** A Service is new, or somebody has changed its spec or labels; its status stays what it is here. */
  change(service: Service): void {
    this.#writes.clear();
    const before = this.#services.get(objectKey(service.meta));
    const kept =
      before === undefined ? service : { ...service, ingress: before.ingress, conditions: before.conditions };
    this.#settle(this.allocation.observe(this.#keep(kept)));
  }

  remove(key: ObjectKey): void {
    this.#writes.clear();
    this.#services.delete(key);
    this.#settle(this.allocation.forget(key));
  }

  #keep(service: Service): Service {
    this.#version += 1;
    const { meta } = service;
    const key = objectKey(meta);
    // Files need not have these; the allocation tells Services and their versions apart by them.
    const uid = meta.uid === "" ? `uid of ${key}` : meta.uid;
    const kept = { ...service, meta: { ...meta, uid, resourceVersion: String(this.#version) } };
    this.#services.set(key, kept);
    return kept;
  }

  #note({ key, decision }: Outcome): void {
    if (decision === undefined) return;
    this.#decisions.set(key, [...(this.#decisions.get(key) ?? []), decision]);
  }

  #settle(outcomes: readonly Outcome[]): void {
    const queue = [...outcomes];
    for (let next = 0; next < queue.length; next += 1) {
      const outcome = at(queue, next);
      this.#note(outcome);
      const service = this.#services.get(outcome.key);
      if (outcome.write === undefined || service === undefined) continue;
      // A later outcome for the Service replaces this one.
      if (service.meta.resourceVersion !== outcome.resourceVersion) continue;
      const count = (this.#writes.get(outcome.key) ?? 0) + 1;
      this.#writes.set(outcome.key, count);
      assert(count <= MOST_WRITES, "an allocation does not come to rest", { service: outcome.key });
      this.#version += 1;
      const after = written(service, outcome.write, String(this.#version));
      this.#services.set(outcome.key, after);
      queue.push(...this.allocation.observe(after));
    }
  }
}
