/** What one replica does while it leads: it reads all Services anew, decides, and has its decisions carried out. */

import { type Allocation, createAllocation } from "#core/allocation/allocation";
import type { Outcome, ServiceWrite } from "#core/allocation/outcome";
import type { AddressConflict, AddressPool, AddressReservation } from "#core/ipam/pool";
import type { ObjectKey } from "#core/kubernetes/meta";
import type { Service } from "#core/service/service";
import { createRecorder, type EventWrite } from "#core/service-events/recorder";
import type { ClusterPort, Failure, Watch } from "#drivers/kubernetes/port";
import type { Time } from "#drivers/kubernetes/time";
import { EVENTS } from "#runtime/cluster/resources";
import type { PlannedWrite, Writes } from "#runtime/cluster/writes";
import type { Latencies } from "./latencies.ts";
import { servicePatch } from "./patch.ts";
import { createRefusals, type Refusals } from "./refusals.ts";
import { watchServices } from "./service-mirror.ts";
import type { Tap } from "./tap.ts";

/** The part of a configuration that addresses are given by. */
export type Pools = {
  readonly pools: readonly AddressPool[];
  readonly reservations: readonly AddressReservation[];
  readonly conflicts: readonly AddressConflict[];
};

export type RulingOptions = {
  readonly cluster: ClusterPort;
  readonly writes: Writes;
  readonly tap: Tap;
  readonly clock: Time;
  readonly loadBalancerClass: string | undefined;
  readonly identity: string;
  readonly latencies: Latencies;
  /** Called once, when all Services have been read. */
  readonly onSynced: () => void;
  /** Called when counts of pools may be other ones. */
  readonly onChange: () => void;
};

/** Who the Events are from. */
const COMPONENT = "steelyard-controller";

const eventRequest = ({ verb, namespace, name, body }: EventWrite): ReturnType<PlannedWrite["request"]> => {
  const target = { resource: EVENTS, namespace };
  return verb === "create"
    ? { target, write: { verb, body: body() } }
    : { target: { ...target, name }, write: { verb, type: "merge", body: body() } };
};

export class Ruling {
  readonly #options: RulingOptions;
  readonly #allocation: Allocation;
  readonly #recorder;
  readonly #services: Watch<Service>;
  readonly #refusals: Refusals;
  /** What the log was told of writes that have not succeeded yet: it is told once, however often they are repeated. */
  readonly #told = new Map<ObjectKey, string>();
  /** What is still to be carried out; one for each Service, the newest. */
  readonly #pending = new Map<ObjectKey, Outcome>();
  #isCarryingOut = false;
  #isSynced = false;
  #isConfigured = false;
  #isClosed = false;

  constructor(options: RulingOptions) {
    this.#options = options;
    this.#allocation = createAllocation({ lbClass: options.loadBalancerClass });
    this.#refusals = createRefusals(options.clock);
    this.#recorder = createRecorder({ component: COMPONENT, instance: options.identity });
    this.#services = watchServices(options.cluster, {
      changed: (service) => this.#carryOut(this.#allocation.observe(service)),
      removed: (key) => this.#onRemoved(key),
      synced: () => this.#onSynced(),
      trouble: (failure) => this.#onTrouble(failure),
    });
  }

  /** Whether decisions are made: pools and Services are known. */
  get isRuling(): boolean {
    return this.#isSynced && this.#isConfigured;
  }

  get allocation(): Allocation {
    return this.#allocation;
  }

  get services(): ReadonlyMap<string, Service> {
    return this.#services.items;
  }

  /** Puts a valid configuration in force. */
  configure(pools: Pools): void {
    this.#isConfigured = true;
    this.#carryOut(this.#allocation.configure(pools));
  }

  /** Stops deciding; what is under way at the API server is not taken back. */
  close(): void {
    this.#isClosed = true;
    this.#services.close();
    this.#refusals.close();
  }

  #onSynced(): void {
    if (this.#isSynced) return;
    this.#isSynced = true;
    this.#options.tap.tell({
      type: "controller",
      change: "synced",
      detail: `${this.services.size} Services`,
    });
    this.#carryOut(this.#allocation.synced());
    this.#options.onSynced();
  }

  #onRemoved(key: ObjectKey): void {
    const { latencies, writes } = this.#options;
    latencies.forget(key);
    writes.forget(key);
    this.#refusals.forget(key);
    this.#told.delete(key);
    this.#carryOut(this.#allocation.forget(key));
  }

  #onTrouble(failure: Failure | undefined): void {
    const state = failure === undefined ? "ended" : "begun";
    const detail = failure === undefined ? {} : { detail: failure.message };
    this.#options.tap.tell({ type: "api-trouble", resource: "services", state, ...detail });
  }

  /** Carries out in the order of decisions; what follows from the first of them comes after the last, not in between. */
  #carryOut(outcomes: readonly Outcome[]): void {
    if (this.#isClosed || outcomes.length === 0) return;
    for (const outcome of outcomes) {
      const before = this.#pending.get(outcome.key);
      this.#pending.delete(outcome.key);
      const events = [...(before?.events ?? []), ...outcome.events];
      this.#pending.set(outcome.key, { ...outcome, events });
    }
    if (this.#isCarryingOut) return;
    this.#isCarryingOut = true;
    try {
      // A Map goes on to what is added meanwhile.
      for (const [key, outcome] of this.#pending) {
        this.#pending.delete(key);
        this.#write(outcome);
      }
    } finally {
      this.#isCarryingOut = false;
    }
    this.#options.onChange();
  }

  #write(outcome: Outcome): void {
    const { latencies, clock } = this.#options;
    const { key, decision, write } = outcome;
    if (write === undefined || decision?.outcome !== "allocated") latencies.forget(key);
    else if (write.isIngressChanged) latencies.begin(key, clock.now());
    this.#tell(outcome);
    this.#raise(outcome);
    if (outcome.write !== undefined) this.#put(outcome, outcome.write);
    // The Service says already what it should: an earlier write that was not sent must not be sent any more.
    else if (this.#options.writes.drop(outcome.key)) this.#carryOut(this.#allocation.unwritten(outcome.key));
  }

  #put({ key, uid, resourceVersion }: Outcome, write: ServiceWrite): void {
    const { writes, clock, latencies } = this.#options;
    const service = this.services.get(key);
    // No more of the outcome than this waits with the write.
    const decided = { key, uid, resourceVersion };
    writes.put(key, {
      request: () => servicePatch(decided, { write, service, now: clock.wall() }),
      done: ({ answer }) => {
        if (!answer.ok) {
          this.#onRefused(decided, answer.failure);
          return;
        }
        latencies.end(key, clock.now());
        this.#refusals.forget(key);
        this.#told.delete(key);
      },
    });
  }

  /** The write will not be repeated as it is: what it is about has changed, or the API server will not have it. */
  #onRefused({ key, resourceVersion }: Pick<Outcome, "key" | "resourceVersion">, { reason }: Failure): void {
    if (this.#isClosed || reason === "not-found") return;
    if (reason !== "conflict") this.#carryOut(this.#allocation.unwritten(key));
    const decideAgain = (): void => {
      const service = this.services.get(key);
      if (service !== undefined && !this.#isClosed) this.#carryOut(this.#allocation.observe(service));
    };
    const known = this.services.get(key)?.meta.resourceVersion;
    // A version that we do not know yet is on its way to us, and is decided on when it comes. Should none come, it was no
    // conflict of versions, whatever it was called.
    if (reason === "conflict" && known !== resourceVersion) decideAgain();
    else this.#refusals.refused(key, decideAgain);
  }

  /** Says for the log what was decided, once for each change. */
  #tell({ key, decision, write }: Outcome): void {
    if (write === undefined) {
      this.#told.delete(key);
      return;
    }
    const { tap } = this.#options;
    const text =
      decision?.outcome === "refused" ? decision.refusal.message : write.ingress.map(({ ip }) => ip);
    const told = JSON.stringify([decision?.outcome, text]);
    if (this.#told.get(key) === told) return;
    this.#told.set(key, told);
    if (decision === undefined) {
      const held = this.services.get(key)?.ingress.flatMap(({ ip }) => ip ?? []) ?? [];
      tap.tell({ type: "released", service: key, addresses: held });
    } else if (decision.outcome === "refused") {
      const { reason, message } = decision.refusal;
      tap.tell({ type: "allocation-refused", service: key, reason, message });
    } else if (write.isIngressChanged) {
      const { addresses, pool, how } = decision;
      tap.tell({ type: "allocated", service: key, addresses, pool, how });
    }
  }

  /** Writes the Kubernetes Events of an outcome. */
  #raise({ key, events }: Outcome): void {
    const { clock, writes } = this.#options;
    const service = this.services.get(key)?.meta;
    if (service === undefined) return;
    for (const event of events) {
      const { namespace, name, uid, resourceVersion } = service;
      const time = { now: clock.now(), at: clock.wall() };
      const told = { ...event, service: { namespace, name, uid, resourceVersion } };
      const write = this.#recorder.record(told, time);
      if (write === undefined) continue;
      writes.tell(`${write.namespace}/${write.name}`, { request: () => eventRequest(write) });
    }
  }
}
