/** What a speaker writes into the cluster about BGP: its `ServiceBGPStatus` objects, Events, the status of its `ConfigurationState`. */
import { between, type Instant } from "#base/time";
import type { SeenBgpStatus } from "#core/bgp-status/object";
import { type ObjectKey, splitKey } from "#core/kubernetes/meta";
import type { Service } from "#core/service/service";
import type { SpeakerEvent } from "#core/speaker/event";
import type { SaidVerdict } from "#core/speaker-report/verdict";
import type { ClusterPort, Failure } from "#drivers/kubernetes/port";
import type { Cancel, Time } from "#drivers/kubernetes/time";
import { createFailures } from "#runtime/cluster/failures";
import { createWrites, type Writes } from "#runtime/cluster/writes";
import { Agenda } from "../writers/agenda.ts";
import { Attempts } from "../writers/attempts.ts";
import { assigned, SpeakerEvents } from "../writers/events.ts";
import type { SeenCluster } from "../writers/seen.ts";
import { SessionReport } from "./session-report.ts";
import { StateReport } from "./state-report.ts";
import { BgpStatuses } from "./statuses.ts";

export type BgpWritersParts = {
  readonly cluster: ClusterPort;
  readonly clock: Time;
  readonly mirror: Pick<SeenCluster, "services" | "podOf" | "reportOf"> & {
    verdictOf(node: string): SaidVerdict | undefined;
    readonly bgpStatuses: {
      of(service: ObjectKey): readonly SeenBgpStatus[];
      services(): Iterable<ObjectKey>;
    };
  };
  readonly self: string;
  readonly namespace: string;
  /** Peers that this node is to tell of a Service, by name. */
  readonly peersOf: (service: ObjectKey) => readonly string[];
  /** Whether anything has been announced by BGP: until then there is nothing to say of any Service. */
  readonly isUsed: () => boolean;
  /** Whether MetalLB's speaker runs on this node: then the objects of this node are its own. */
  readonly isLeftToMetallb: () => boolean;
  readonly tell: (event: SpeakerEvent) => void;
};

export class BgpWriters {
  readonly #parts: BgpWritersParts;
  readonly #writes: Writes;
  readonly #failures;
  readonly #events: SpeakerEvents;
  readonly #statuses: BgpStatuses;
  readonly #agenda: Agenda;
  readonly #state: StateReport;
  readonly #sessions: SessionReport;
  #again: { readonly when: Instant; readonly cancel: Cancel } | undefined;
  #life: "waiting" | "writing" | "closed" = "waiting";

  constructor(parts: BgpWritersParts) {
    const { cluster, clock, mirror, self, namespace } = parts;
    this.#parts = parts;
    this.#failures = createFailures(clock.now);
    this.#writes = createWrites({
      ...{ pace: "each-node", cluster, clock, mayWrite: () => this.#life !== "closed" },
      onEnd: (key, failure) => this.#onEnd(key, failure),
    });
    const common = { self, namespace, writes: this.#writes, attempts: new Attempts() };
    this.#events = new SpeakerEvents({ writes: this.#writes, clock, self });
    this.#agenda = new Agenda({
      ...{ clock, look: (service) => this.#look(service) },
      all: () =>
        new Set([
          ...(mirror.services.keys() as Iterable<ObjectKey>),
          ...mirror.bgpStatuses.services(),
          ...this.#statuses.services(),
        ]),
    });
    this.#statuses = new BgpStatuses({
      ...{ ...common, now: clock.now, owner: () => this.#owner() },
      statusesOf: (service) => mirror.bgpStatuses.of(service),
      lookAgain: (service, when) => this.#agenda.at(service, when),
      onBegun: (service) => this.#onBegun(service),
    });
    this.#sessions = new SessionReport({
      ...{ ...common, clock, seen: () => mirror.reportOf(self) },
      lookAgain: (when) => this.#later(when),
    });
    this.#state = new StateReport({
      ...{ ...common, clock, seen: () => mirror.verdictOf(self) },
      lookAgain: (when) => this.#later(when),
    });
  }

  /** Writes that wait or run. */
  get waiting(): number {
    return this.#writes.waiting;
  }

  /** All has been decided about, for the first time or again: before that no Service would seem to be announced. */
  decided(): void {
    if (this.#life === "closed") return;
    this.#life = "writing";
    this.#lookAtAll();
  }

  /** Of these something may be another thing, such as an object that somebody removed. */
  changed(): void {
    if (this.#life === "writing") this.#lookAtAll();
    this.#state.look();
    this.#sessions.look();
  }

  /** What keeps something of the configuration out of force on this node. */
  problems(problems: readonly string[]): void {
    if (this.#life !== "closed") this.#state.set(problems);
  }

  /** The peers with which there is a session. */
  sessions(peers: readonly string[]): void {
    if (this.#life !== "closed") this.#sessions.set(peers);
  }

  /** Objects stay: sessions may outlast this program, and the pod that owns them takes them with it. */
  close(): void {
    this.#life = "closed";
    this.#agenda.close();
    this.#again?.cancel();
    this.#writes.close();
  }

  #lookAtAll(): void {
    const { isUsed, isLeftToMetallb, mirror } = this.#parts;
    if (isLeftToMetallb()) return;
    // What an earlier run, or a MetalLB, has left is to go all the same.
    const [left] = mirror.bgpStatuses.services();
    if (isUsed() || left !== undefined) this.#agenda.everything();
  }

  #look(key: ObjectKey): void {
    const { mirror, peersOf, isLeftToMetallb } = this.#parts;
    if (isLeftToMetallb()) return;
    const peers = mirror.services.get(key)?.type === "LoadBalancer" ? peersOf(key) : [];
    this.#statuses.look(key, peers.length === 0 ? undefined : { service: key, peers });
  }

  #owner() {
    const pod = this.#parts.mirror.podOf(this.#parts.self);
    return pod === undefined || pod.uid === "" ? undefined : { name: splitKey(pod.key).name, uid: pod.uid };
  }

  #onBegun(key: ObjectKey): void {
    const service: Service | undefined = this.#parts.mirror.services.get(key);
    if (service !== undefined) this.#events.tell(service, assigned(this.#parts.self, "bgp"));
  }

  #later(when: Instant): void {
    const { clock } = this.#parts;
    if (this.#life === "closed" || (this.#again !== undefined && this.#again.when <= when)) return;
    this.#again?.cancel();
    const cancel = clock.later(between(clock.now(), when), () => {
      this.#again = undefined;
      this.#state.look();
      this.#sessions.look();
    });
    this.#again = { when, cancel };
  }

  #onEnd(subject: string, failure: Failure | undefined): void {
    if (failure === undefined) {
      this.#failures.ended(subject);
      return;
    }
    const { reason, message } = failure;
    // It is decided anew on what the mirror shows: nothing that anybody should hear of.
    if (reason === "conflict" || reason === "not-found") return;
    if (this.#failures.failed(subject, failure))
      this.#parts.tell({ type: "write-failed", subject, reason, message });
  }
}
