/**
 * A small cluster from a seed: an API server that keeps Services, and a controller that hears of changes late, whose writes
 * get lost, fail, or land after it has changed its mind, and that is replaced now and then.
 */
import { type Allocation, createAllocation } from "#core/allocation/allocation";
import type { Outcome } from "#core/allocation/outcome";
import type { IpamConfig } from "#core/ipam/pool";
import { type ObjectKey, objectKey } from "#core/kubernetes/meta";
import type { Service } from "#core/service/service";
import { integerBetween, type Random } from "./random.ts";

type Told =
  | { readonly type: "changed"; readonly service: Service }
  | { readonly type: "removed"; readonly key: ObjectKey };

/** The addresses that a Service shows. */
export const shown = ({ ingress }: Service): readonly string[] => ingress.flatMap(({ ip }) => ip ?? []);

export class AllocationWorld {
  readonly random: Random;
  /** The Services as the API server has them. */
  readonly services = new Map<ObjectKey, Service>();
  /** What has happened, for whoever reads about a failure. */
  readonly log: string[] = [];
  /** Called after every change of a Service in the API server. */
  onChange: (service: Service) => void = () => {};
  config: IpamConfig;
  allocation: Allocation;
  /** Status writes that the API server took. */
  writes = 0;
  #version = 1;
  #clock = 1_700_000_000;
  /** What the controller has not heard yet. */
  #watch: Told[] = [];
  /** What the controller has heard. */
  #mirror = new Map<ObjectKey, Service>();
  /** Writes that the controller has not sent yet, and those that are on their way. */
  #wanted = new Map<ObjectKey, Outcome>();
  #sent: Outcome[] = [];

  constructor(random: Random, config: IpamConfig) {
    this.random = random;
    this.config = config;
    this.allocation = createAllocation({ lbClass: undefined });
    this.allocation.configure(config);
    this.allocation.synced();
  }

  /** Stores a Service as somebody changed it; status and conditions follow the rules of the API server. */
  put(service: Service): void {
    const before = this.services.get(objectKey(service.meta));
    const isNew = before === undefined;
    if (isNew) this.#clock += integerBetween(this.random, 0, 1);
    this.#version += 1;
    const next: Service = {
      ...service,
      meta: {
        ...service.meta,
        resourceVersion: String(this.#version),
        createdAt: isNew ? this.#clock : before.meta.createdAt,
        uid: isNew ? `uid-${this.#version}` : before.meta.uid,
      },
      ingress: service.type === "LoadBalancer" ? service.ingress : [],
    };
    const key = objectKey(next.meta);
    this.services.set(key, next);
    this.#watch.push({ type: "changed", service: next });
    this.onChange(next);
  }

  remove(key: ObjectKey): void {
    if (this.services.delete(key)) this.#watch.push({ type: "removed", key });
  }

  configure(config: IpamConfig): void {
    this.config = config;
    this.#take(this.allocation.configure(config));
  }

  /** Lets the controller hear some of what it has not heard. */
  hear(count = integerBetween(this.random, 1, 6)): void {
    for (const told of this.#watch.splice(0, count)) {
      if (told.type === "removed") {
        this.#mirror.delete(told.key);
        this.#wanted.delete(told.key);
        this.#take(this.allocation.forget(told.key));
      } else {
        this.#mirror.set(objectKey(told.service.meta), told.service);
        this.#take(this.allocation.observe(told.service));
      }
    }
  }

  /** Sends some of the writes that are wanted. */
  send(count = integerBetween(this.random, 1, 4)): void {
    for (const [key, outcome] of [...this.#wanted].slice(0, count)) {
      this.#wanted.delete(key);
      this.#sent.push(outcome);
    }
  }

  /** Lets one of the writes on their way arrive, in any order; or get lost; or arrive without the answer coming back. */
  deliver(luck: "any" | "good" = "any"): void {
    const index = luck === "good" ? 0 : integerBetween(this.random, 0, this.#sent.length - 1);
    const [outcome] = this.#sent.splice(index, 1);
    if (outcome === undefined) return;
    const isLost = luck === "any" && this.random() < 0.2;
    const isDone = !isLost && this.#write(outcome);
    const isAnswered = luck === "good" || this.random() < 0.8;
    if (isDone && isAnswered) return;
    this.#rest(outcome);
    // The caller decides again with the newest version that it knows.
    const newest = this.#mirror.get(outcome.key);
    if (newest !== undefined) this.#take(this.allocation.observe(newest));
  }

  /** Another replica takes over: what the one before sent arrives or does not, and a new machine reads everything. */
  replace(): void {
    while (this.#sent.length > 0) {
      const [outcome] = this.#sent.splice(0, 1);
      if (outcome !== undefined && this.random() < 0.5) this.#write(outcome);
    }
    this.#wanted.clear();
    this.#watch = [];
    this.#mirror = new Map(this.services);
    this.allocation = createAllocation({ lbClass: undefined });
    const services = [...this.services.values()];
    if (this.random() < 0.5) services.reverse();
    const { pools, reservations, conflicts } = this.config;
    const config = {
      pools: pools.toReversed(),
      reservations: reservations.toReversed(),
      conflicts: conflicts.toReversed(),
    };
    const isConfiguredFirst = this.random() < 0.5;
    if (isConfiguredFirst) this.#take(this.allocation.configure(config));
    for (const service of services) this.#take(this.allocation.observe(service));
    this.#take(this.allocation.synced());
    if (!isConfiguredFirst) this.#take(this.allocation.configure(config));
  }

  /** Lets everything arrive until nothing happens any more; gives the number of rounds, or `undefined` if there is no end. */
  settle(): number | undefined {
    for (let round = 1; round <= 100; round += 1) {
      if (this.#watch.length + this.#wanted.size + this.#sent.length === 0) return round;
      this.hear(this.#watch.length);
      this.send(this.#wanted.size);
      while (this.#sent.length > 0) this.deliver("good");
    }
    return undefined;
  }

  #take(outcomes: readonly Outcome[]): void {
    for (const outcome of outcomes) {
      this.log.push(
        `${outcome.key}@${outcome.resourceVersion}: ${JSON.stringify(outcome.write?.condition?.message)} ${outcome.events.map(({ reason }) => reason).join(" ")}`,
      );
      this.#wanted.delete(outcome.key);
      if (outcome.write !== undefined) this.#wanted.set(outcome.key, outcome);
    }
    for (const outcome of outcomes) if (outcome.write === undefined) this.#rest(outcome);
  }

  /** Says that nothing about a Service is on its way any more, if a look at the API server finds the version that was decided on. */
  #rest({ key, resourceVersion }: Outcome): void {
    const isBusy = this.#wanted.has(key) || this.#sent.some((outcome) => outcome.key === key);
    if (isBusy || this.services.get(key)?.meta.resourceVersion !== resourceVersion) return;
    this.#take(this.allocation.unwritten(key));
  }

  /** Whether the API server took the write: only if nothing else has changed the object. */
  #write({ key, uid, resourceVersion, write }: Outcome): boolean {
    const service = this.services.get(key);
    if (service === undefined || write === undefined) return false;
    if (service.meta.uid !== uid || service.meta.resourceVersion !== resourceVersion) return false;
    const annotations: Record<string, string> = { ...service.meta.annotations };
    for (const [name, value] of Object.entries(write.annotations)) {
      if (value === undefined) delete annotations[name];
      else annotations[name] = value;
    }
    const others = service.conditions.filter(({ type }) => type !== "steelyard.dev/Allocated");
    const ours =
      write.condition === undefined
        ? []
        : [{ ...write.condition, lastTransitionTime: "2026-01-01T00:00:00Z", observedGeneration: 0 }];
    this.writes += 1;
    this.log.push(`written ${key}: ${write.ingress.map(({ ip }) => ip).join(" ")}`);
    this.put({
      ...service,
      meta: { ...service.meta, annotations },
      ingress: write.ingress,
      conditions: [...others, ...ours],
    });
    return true;
  }
}
