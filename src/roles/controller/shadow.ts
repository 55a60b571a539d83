/**
 * A controller that writes nothing: it says where one that does would change what is there.
 *
 * What would be done is decided afresh after each change, as by a controller that begins at that moment: the decisions of
 * whoever really gives the addresses are facts, and nothing of an earlier opinion may stand against them.
 */
import { type Duration, seconds } from "#base/time";
import { type Allocation, createAllocation } from "#core/allocation/allocation";
import type { Outcome } from "#core/allocation/outcome";
import type { ObjectKey } from "#core/kubernetes/meta";
import type { Service } from "#core/service/service";
import type { ClusterPort, Watch } from "#drivers/kubernetes/port";
import type { Time } from "#drivers/kubernetes/time";
import type { Pools } from "./ruling.ts";
import { watchServices } from "./service-mirror.ts";
import type { Tap } from "./tap.ts";

/** How long changes are collected before everything is decided again, which takes a tenth of a second for 10,000 Services. */
const PAUSE: Duration = seconds(1);

const listed = (addresses: readonly string[]): string =>
  addresses.length === 0 ? "none" : addresses.join(", ");

/**
 * How a Service would be served otherwise; `undefined` when it would not, which one that has no address and would get none
 * is not either. Conditions, annotations and events of ours, which cannot be there yet, do not count as a difference.
 */
const differenceText = ({ write, decision }: Outcome, service: Service): string | undefined => {
  if (write?.isIngressChanged !== true) return undefined;
  const there = listed(service.ingress.flatMap(({ ip }) => ip ?? []));
  if (decision?.outcome === "refused") return `has ${there}, would lose it: ${decision.refusal.message}`;
  if (decision === undefined) return `has ${there}, would have it cleared: it is no Service of ours`;
  const wanted = listed(write.ingress.flatMap(({ ip }) => ip ?? []));
  return `has ${there}, would get ${wanted} from pool ${decision.pool} (${decision.how})`;
};

export class Shadow {
  readonly #options;
  readonly #services: Watch<Service>;
  #allocation: Allocation;
  #pools: Pools | undefined;
  #isSynced = false;
  #cancel: (() => void) | undefined;

  constructor(options: {
    readonly cluster: ClusterPort;
    readonly tap: Tap;
    readonly clock: Time;
    readonly loadBalancerClass: string | undefined;
    /** Called once, when all Services have been read. */
    readonly onSynced: () => void;
  }) {
    this.#options = options;
    this.#allocation = createAllocation({ lbClass: options.loadBalancerClass });
    const { tap } = options;
    this.#services = watchServices(options.cluster, {
      changed: () => this.#plan(),
      removed: () => this.#plan(),
      synced: () => this.#onSynced(),
      trouble: (failure) => {
        const state = failure === undefined ? "ended" : "begun";
        const detail = failure === undefined ? {} : { detail: failure.message };
        tap.tell({ type: "api-trouble", resource: "services", state, ...detail });
      },
    });
  }

  get isRuling(): boolean {
    return this.#isSynced && this.#pools !== undefined;
  }

  get allocation(): Allocation {
    return this.#allocation;
  }

  get services(): ReadonlyMap<string, Service> {
    return this.#services.items;
  }

  /** Puts a valid configuration in force. */
  configure(pools: Pools): void {
    this.#pools = pools;
    this.#plan();
  }

  close(): void {
    this.#services.close();
    this.#cancel?.();
  }

  #onSynced(): void {
    if (!this.#isSynced) {
      const detail = `${this.services.size} Services`;
      this.#options.tap.tell({ type: "controller", change: "synced", detail });
      this.#options.onSynced();
    }
    this.#isSynced = true;
    this.#plan();
  }

  #plan(): void {
    if (!this.isRuling) return;
    this.#cancel ??= this.#options.clock.later(PAUSE, () => {
      this.#cancel = undefined;
      this.#decide();
    });
  }

  #decide(): void {
    const pools = this.#pools;
    if (pools === undefined) return;
    const allocation = createAllocation({ lbClass: this.#options.loadBalancerClass });
    for (const service of this.services.values()) allocation.observe(service);
    allocation.configure(pools);
    const differences = new Map<ObjectKey, string>();
    for (const outcome of allocation.synced()) {
      const service = this.services.get(outcome.key);
      const text = service === undefined ? undefined : differenceText(outcome, service);
      if (text !== undefined) differences.set(outcome.key, text);
    }
    this.#allocation = allocation;
    this.#tell(differences);
  }

  #tell(differences: ReadonlyMap<ObjectKey, string>): void {
    const { tap } = this.#options;
    for (const key of [...tap.view.differences.keys()] as ObjectKey[]) {
      if (!differences.has(key))
        tap.tell({ type: "shadow-difference", service: key, state: "ended", detail: "" });
    }
    for (const [service, detail] of differences) {
      if (tap.view.differences.get(service) === detail) continue;
      tap.tell({ type: "shadow-difference", service, state: "begun", detail });
    }
  }
}
