/**
 * One replica of the controller: it reads pools, answers on its pages, and rules while it leads.
 *
 * Everything it needs of the world comes in, so that a test runs it against an API server in memory.
 */

import type { ControllerStatus } from "#api/controller";
import { objectKey } from "#core/kubernetes/meta";
import type { Verdict } from "#core/metallb/status";
import type { ClusterPort, Failure } from "#drivers/kubernetes/port";
import type { Time } from "#drivers/kubernetes/time";
import { type ConfigurationMirror, openConfigurationMirror } from "#runtime/cluster/configuration-mirror";
import { createFailures, type Failures } from "#runtime/cluster/failures";
import { type Current, NOTHING_READ, problemTexts, readCurrent } from "#runtime/cluster/reading";
import { countRequests } from "#runtime/cluster/requests";
import { createWrites, type Writes } from "#runtime/cluster/writes";
import { poolUses, serviceCounts } from "./counts.ts";
import { createLatencies } from "./latencies.ts";
import { controllerMetrics } from "./metrics.ts";
import type { ControllerOptions } from "./options.ts";
import { watchOtherBalancers } from "./other-balancers.ts";
import { createReports, type Reports } from "./reports.ts";
import { Ruling } from "./ruling.ts";
import { Shadow } from "./shadow.ts";
import { controllerStatus } from "./status.ts";
import type { Tap } from "./tap.ts";

/** The kinds that addresses are given by. What is wrong with the others is somebody else's to refuse. */
const DECISIVE: ReadonlySet<string> = new Set(["IPAddressPool", "AddressReservation", "AddressConflict"]);

/** Without pools every Service would lose its address. */
const NEEDED: ReadonlySet<string> = new Set(["IPAddressPool"]);

export type ControllerParts = {
  readonly cluster: ClusterPort;
  readonly tap: Tap;
  readonly clock: Time;
  /** Whether the lease is ours at this very moment. */
  readonly mayWrite: () => boolean;
  readonly options: Pick<
    ControllerOptions,
    "namespace" | "loadBalancerClass" | "shadow" | "metallbMetrics" | "identity"
  >;
};

/** What a replica does that leads or compares. */
type Reign = {
  readonly ruling: Ruling | Shadow;
  readonly reports: Reports | undefined;
  stopLooking?: () => void;
};

export class Controller {
  readonly #parts: ControllerParts;
  readonly #cluster: ClusterPort;
  readonly #requests;
  readonly #mirror: ConfigurationMirror;
  readonly #writes: Writes;
  readonly #latencies = createLatencies();
  readonly #failures: Failures;
  #current: Current = NOTHING_READ;
  #isLeader = false;
  #isClosed = false;
  #ruling: Reign | undefined;
  #isReadPlanned = false;
  #seenChanges = 0;
  #certificateExpires: number | undefined;

  constructor(parts: ControllerParts) {
    this.#parts = parts;
    this.#failures = createFailures(parts.clock.now);
    const counted = countRequests(parts.cluster);
    this.#cluster = counted.cluster;
    this.#requests = counted.samples;
    this.#writes = createWrites({
      pace: "single",
      cluster: this.#cluster,
      clock: parts.clock,
      mayWrite: parts.mayWrite,
      onEnd: (key, failure) => this.#onWritten(key, failure),
    });
    this.#mirror = openConfigurationMirror(this.#cluster, {
      namespace: parts.options.namespace,
      ...{ needed: NEEDED, besides: "everything" },
      listener: {
        changed: () => this.#planRead(),
        trouble: (resource, failure) => {
          const state = failure === undefined ? "ended" : "begun";
          const detail = failure === undefined ? {} : { detail: failure.message };
          parts.tap.tell({ type: "api-trouble", resource, state, ...detail });
        },
      },
    });
  }

  /** Whether this replica could begin at once, or rules already. */
  get isReady(): boolean {
    return (
      this.#mirror.isSynced &&
      (this.#ruling === undefined || this.#ruling.ruling.isRuling || !this.#current.configuration)
    );
  }

  get mirror(): ConfigurationMirror {
    return this.#mirror;
  }

  /** The API server, with what is asked of it counted. */
  get cluster(): ClusterPort {
    return this.#cluster;
  }

  /**
   * Begins to decide, and to write unless it is a shadow; not before the last write of an earlier term is over, which
   * could land after all Services have been read.
   */
  lead(): void {
    this.#isLeader = true;
    this.#beginWhenIdle();
  }

  #beginWhenIdle(): void {
    if (this.#ruling !== undefined || !this.#isLeader || !this.#writes.isIdle) return;
    this.#ruling = this.#parts.options.shadow ? this.#beginShadow() : this.#beginRuling();
    if (this.#current.configuration !== undefined) this.#ruling.ruling.configure(this.#current.configuration);
    this.#report();
  }

  /** Services are known for the first time: now it shows whether another program serves them as well. */
  readonly #onSynced = (): void => {
    const reign = this.#ruling;
    if (reign === undefined || reign.stopLooking !== undefined) return;
    const { tap, clock } = this.#parts;
    const services = () => reign.ruling.services.values();
    reign.stopLooking = watchOtherBalancers({ cluster: this.#cluster, tap, clock, services });
  };

  #beginShadow(): Reign {
    const { tap, clock, options } = this.#parts;
    const { loadBalancerClass } = options;
    return {
      ruling: new Shadow({ cluster: this.#cluster, tap, clock, loadBalancerClass, onSynced: this.#onSynced }),
      reports: undefined,
    };
  }

  #beginRuling(): Reign {
    const { tap, clock, options } = this.#parts;
    const reports = createReports({
      ...{ cluster: this.#cluster, writes: this.#writes, clock, namespace: options.namespace },
      mayWrite: this.#parts.mayWrite,
      pools: () =>
        this.#mirror.objects().flatMap(({ kind, object }) => (kind === "IPAddressPool" ? [object] : [])),
    });
    const ruling: Ruling = new Ruling({
      ...{ cluster: this.#cluster, writes: this.#writes, tap, clock, latencies: this.#latencies },
      ...{ loadBalancerClass: options.loadBalancerClass, identity: options.identity },
      onSynced: this.#onSynced,
      onChange: () => {
        this.#seenChanges += 1;
        if (ruling.isRuling) reports.poolsChanged(ruling.allocation);
      },
    });
    return { ruling, reports };
  }

  /** Ceases to decide and forgets what waits to be written; resolves when no write is under way any more. */
  async standBy(): Promise<void> {
    this.#isLeader = false;
    this.#ruling?.ruling.close();
    this.#ruling?.reports?.close();
    this.#ruling?.stopLooking?.();
    this.#ruling = undefined;
    this.#failures.clear();
    this.#latencies.clear();
    await this.#writes.clear();
    this.#beginWhenIdle();
  }

  setCertificateExpiry(seconds: number | undefined): void {
    this.#certificateExpires = seconds;
  }

  /** Why a Service has its addresses or none; `undefined` for one that is not known, or while another replica leads. */
  explain(key: string): unknown {
    const service = this.#ruling?.ruling.services.get(key);
    if (service === undefined) return undefined;
    return this.#ruling?.ruling.allocation.explain(objectKey(service.meta));
  }

  /** Why nothing can be said of any Service now; `undefined` while this replica leads and has read all. */
  get ignorance(): string | undefined {
    if (this.#ruling === undefined) return "this replica does not lead";
    return this.#ruling.ruling.isRuling ? undefined : "this replica has not read the cluster yet";
  }

  metrics(): string {
    const { tap, options } = this.#parts;
    const { ruling } = this.#ruling ?? {};
    return controllerMetrics(
      {
        view: tap.view,
        shadow: options.shadow,
        ruling:
          ruling?.isRuling === true
            ? { pools: poolUses(ruling.allocation), services: this.#serviceCounts(ruling) }
            : undefined,
        conflicts: this.#current.configuration?.conflicts.length ?? 0,
        waitingWrites: this.#writes.waiting,
        latencies: this.#latencies.histogram(),
        requests: this.#requests(),
        certificateExpires: this.#certificateExpires,
        seenChanges: this.#seenChanges,
        failedWrites: this.#failures.count,
      },
      { metallb: options.metallbMetrics },
    );
  }

  status(): ControllerStatus {
    const { tap, clock, options } = this.#parts;
    const { ruling } = this.#ruling ?? {};
    return controllerStatus({
      view: tap.view,
      now: clock.wall(),
      options,
      isSynced: this.#mirror.isSynced && (ruling === undefined || ruling.isRuling),
      pools: ruling === undefined ? [] : poolUses(ruling.allocation),
      services: ruling === undefined ? { allocated: 0, pending: 0, foreign: 0 } : this.#serviceCounts(ruling),
      waitingWrites: this.#writes.waiting,
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.standBy();
    this.#writes.close();
    this.#mirror.close();
  }

  #serviceCounts(ruling: Ruling | Shadow) {
    return serviceCounts(ruling.allocation, ruling.services.values(), this.#parts.options.loadBalancerClass);
  }

  /** Reads the configuration once for all changes of one turn of the event loop. */
  #planRead(): void {
    if (this.#isReadPlanned) return;
    this.#isReadPlanned = true;
    setImmediate(() => {
      this.#isReadPlanned = false;
      if (!this.#isClosed) this.#read();
    });
  }

  #read(): void {
    const { tap } = this.#parts;
    const read = { objects: this.#mirror.objects(), namespaces: this.#mirror.namespaces() };
    const reading = readCurrent({ ...read, decisive: DECISIVE }, this.#current);
    if (reading.type === "unchanged") return;
    this.#current = reading.current;
    if (reading.type === "refused")
      tap.tell({ type: "pools-refused", problems: problemTexts(reading.current.problems) });
    else {
      const { configuration, current } = reading;
      const { pools, reservations, conflicts } = configuration;
      const counts = {
        pools: pools.length,
        reservations: reservations.length,
        conflicts: conflicts.length,
      };
      tap.tell({ type: "pools-applied", ...counts, warnings: current.warnings });
      this.#ruling?.ruling.configure(configuration);
    }
    this.#report();
  }

  /** Says in the cluster whether the configuration can be used; only the leader does. */
  #report(): void {
    const { configuration, problems } = this.#current;
    if (configuration === undefined && problems.length === 0) return;
    const verdict: Verdict = problems.length === 0 ? { type: "valid" } : { type: "invalid", problems };
    this.#ruling?.reports?.verdictChanged(verdict);
  }

  #onWritten(subject: string, failure: Failure | undefined): void {
    if (failure === undefined) {
      this.#failures.ended(subject);
      return;
    }
    const { reason, message } = failure;
    // The next version, which is on its way, is decided on anew: nothing that anybody should hear of.
    if (reason === "conflict" || reason === "not-found") return;
    if (this.#failures.failed(subject, failure))
      this.#parts.tap.tell({ type: "write-failed", subject, reason, message });
  }
}
