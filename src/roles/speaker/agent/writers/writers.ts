/** Everything that a speaker's agent writes into the cluster. */
import type { IpAddress } from "#base/address";
import { after, between, type Instant, millis, seconds } from "#base/time";
import type { SeenBgpStatus } from "#core/bgp-status/object";
import { type ObjectKey, splitKey } from "#core/kubernetes/meta";
import type { Placements } from "#core/layer2/placements";
import type { Verdict } from "#core/reachability/machine";
import type { Service } from "#core/service/service";
import type { Owner } from "#core/service-status/object";
import type { SpeakerEvent } from "#core/speaker/event";
import { carriesAddress, type ReportedLink } from "#core/speaker-report/report";
import type { ClusterPort, Failure } from "#drivers/kubernetes/port";
import type { Cancel, Time } from "#drivers/kubernetes/time";
import { createFailures } from "#runtime/cluster/failures";
import { createWrites, type Writes } from "#runtime/cluster/writes";
import { Agenda } from "./agenda.ts";
import { Attempts, type Patience, REST } from "./attempts.ts";
import { type ConditionParts, Conditions } from "./conditions.ts";
import { type ConflictParts, Conflicts, type Duplicate } from "./conflicts.ts";
import { assigned, duplicateFound, notReachable, reachableAgain, SpeakerEvents } from "./events.ts";
import { LinkReport } from "./link-report.ts";
import type { SeenCluster } from "./seen.ts";
import { CONDITIONS, servicesAt, wishesOf } from "./services.ts";
import { type Surroundings, standingOf } from "./standing.ts";
import { Statuses } from "./statuses.ts";

export type WritersParts = {
  /** With its requests counted. */
  readonly cluster: ClusterPort;
  readonly clock: Time;
  readonly mirror: SeenCluster;
  readonly placements: Placements;
  /** The node that this speaker runs on. */
  readonly self: string;
  /** Where our own objects and pods lie. */
  readonly namespace: string;
  /** Whether the controller is told of a machine that has an address before us, so that it gives another one. */
  readonly conflicts: ConflictParts["policy"];
  /** Whether speakers ask for addresses of others; `off`: what was found out once goes from Services. */
  readonly probing: "on" | "off";
  /** What this node and others tell routers; `undefined`: nothing. */
  readonly routing?: Routing;
  /** How this node came by an address that it holds; without it nobody is told. */
  readonly takeoverOf?: Surroundings["takeoverOf"];
  readonly tell: (event: SpeakerEvent) => void;
};

/** What is known of BGP. */
export type Routing = {
  /** The `ServiceBGPStatus` objects of a Service. */
  readonly statusesOf: (service: ObjectKey) => readonly Pick<SeenBgpStatus, "node" | "peers">[];
  /** Why this node tells no router of a Service. */
  readonly silence: Surroundings["unroutedAs"];
};

const NO_ROUTING: Routing = { statusesOf: () => [], silence: () => undefined };

/** How long the last writes may take at the end. */
const LAST_WORDS = seconds(2);
/** How often it is looked whether they are over. */
const LAST_WORDS_LOOK = millis(20);

const ALONE = { mayShare: () => false, mustShare: () => false } as const;
const NOTHING: ReadonlyMap<IpAddress, Verdict> = new Map();

/** Addresses of which two maps say something different. */
const changedAddresses = <Value>(
  before: ReadonlyMap<IpAddress, Value>,
  now: ReadonlyMap<IpAddress, Value>,
): readonly IpAddress[] => [
  ...[...before.keys()].filter((address) => !now.has(address)),
  ...[...now].flatMap(([address, value]) => (before.get(address) === value ? [] : [address])),
];

/** One small object for each node, of which failovers live: a node that is back must be known to be before the next one fails. */
const REPORTING: Patience = { atOnce: 60, pause: { first: seconds(2), most: seconds(30) } };

/** After a change that has to do with a few Services all are looked at so much later, in case it had to do with others as well. */
const BACKSTOP = seconds(30);

/** Services of which something has changed, and addresses that are placed otherwise than before. */
export type SomeChanges = {
  readonly services: Iterable<ObjectKey>;
  readonly addresses: Iterable<IpAddress>;
};

/** What is to be done at a time of its own. */
type Later = "report" | "conflicts" | "attempts";

export class Writers {
  readonly #parts: WritersParts;
  readonly #writes: Writes;
  /** What others wait for: it must not wait behind the statuses of thousands of Services. */
  readonly #first: Writes;
  readonly #failures;
  readonly #attempts = new Attempts();
  readonly #events: SpeakerEvents;
  readonly #statuses: Statuses;
  readonly #conditions: Conditions;
  readonly #report: LinkReport;
  readonly #conflicts: Conflicts;
  readonly #agenda: Agenda;
  readonly #cancels = new Map<Later, { readonly when: Instant; readonly cancel: Cancel }>();
  /** `undefined` until it was said for the first time: before that nothing is known to be held no more. */
  #voices: ReadonlyMap<IpAddress, readonly string[]> | undefined;
  #verdicts = NOTHING;
  /** Found when they are needed, for all Services of one turn. */
  #members: ReadonlySet<string> | undefined;
  #life: "writing" | "ending" | "closed" = "writing";

  constructor(parts: WritersParts) {
    const { cluster, clock, mirror, self, namespace } = parts;
    this.#parts = parts;
    this.#failures = createFailures(clock.now);
    const writesOptions = {
      ...({ pace: "each-node", cluster, clock } as const),
      mayWrite: () => this.#life !== "closed",
      onEnd: (key: string, failure: Failure | undefined) => this.#onEnd(key, failure),
    };
    this.#writes = createWrites(writesOptions);
    this.#first = createWrites(writesOptions);
    const [writes, first] = [this.#writes, this.#first];
    this.#events = new SpeakerEvents({ writes, clock, self });
    this.#agenda = new Agenda({
      clock,
      look: (service) => this.#look(service),
      all: () => new Set([...mirror.services.keys(), ...mirror.statuses.services()] as ObjectKey[]),
    });
    const owner = (): Owner | undefined => this.#owner();
    const common = { ...{ self, namespace, writes, owner, now: clock.now }, attempts: this.#attempts };
    const lookAgain = (service: ObjectKey, when: Instant): void => this.#agenda.at(service, when);
    const statusesOf: Surroundings["statusesOf"] = (service) => mirror.statuses.of(service);
    this.#statuses = new Statuses({
      ...{ ...common, statusesOf, lookAgain },
      onBegun: (service) =>
        this.#withService(service, (found) => this.#events.tell(found, assigned(self, "layer2"))),
    });
    this.#conditions = new Conditions({
      ...{ writes, clock, lookAgain, attempts: this.#attempts },
      onWritten: (...written) => this.#onWritten(...written),
    });
    this.#report = new LinkReport({
      ...{ ...common, writes: first, attempts: new Attempts(REPORTING) },
      seen: () => mirror.reportOf(self),
      seenOwners: () => mirror.ownersOf(self),
      nodeUid: () => mirror.uidOf(self),
      lookAgain: (when) => this.#later("report", when),
    });
    this.#conflicts = new Conflicts({
      ...{ ...common, writes: first, cluster, policy: parts.conflicts },
      isPlaced: (address) => parts.placements.get(address) !== undefined,
      isHeld: (address) => (this.#voices?.get(address)?.length ?? 0) > 0,
      lookAgain: (when) => this.#later("conflicts", when),
    });
  }

  /** Writes that wait or run. */
  get waiting(): number {
    return this.#writes.waiting + this.#first.waiting;
  }

  /** Failed writes since the start. */
  get failed(): number {
    return this.#failures.count;
  }

  /**
   * All that this node answers for, and on which interfaces. To be called for the first time only when all has been read and decided about,
   * by a valid configuration: until then no Service would seem to be ours. Nothing is written of any before.
   */
  announced(voices: ReadonlyMap<IpAddress, readonly string[]>): void {
    const before = this.#voices;
    this.#voices = new Map(voices);
    if (before === undefined) this.#lookAtAll();
    else this.#soon(changedAddresses(before, voices));
    this.#lookAtConflicts();
  }

  /** All links of this node that are up and may answer. */
  links(links: readonly ReportedLink[]): void {
    this.#report.set(links);
    this.#lookAtReport();
  }

  /** What this node's questions came to, of all addresses that it asks for. */
  verdicts(verdicts: ReadonlyMap<IpAddress, Verdict>): void {
    const before = this.#verdicts;
    this.#verdicts = new Map(verdicts);
    this.#soon(changedAddresses(before, verdicts));
  }

  /** All machines that are none of ours and answer for addresses now. */
  duplicates(duplicates: ReadonlyMap<IpAddress, Duplicate>): void {
    const news = this.#conflicts.hear(duplicates);
    const { self, placements } = this.#parts;
    for (const [address, found] of news)
      for (const key of placements.get(address)?.services ?? [])
        this.#withService(key, (service) => this.#events.tell(service, duplicateFound(self, address, found)));
    this.#soon(news.keys());
    this.#soon(this.#conflicts.quiet());
    this.#lookAtConflicts();
  }

  /** Placements, or what the mirror shows, are others than before: these, or who knows which. */
  changed(some?: SomeChanges): void {
    if (some === undefined) {
      this.#members = undefined;
      this.#lookAtAll();
    } else this.#lookAtSome(some);
    this.#lookAtReport();
    this.#lookAtConflicts();
  }

  /**
   * Ends: what this node does not hold any more is taken back, as far as that is possible in a moment. What it still holds stays: it goes on
   * answering without an agent.
   */
  async close(): Promise<void> {
    if (this.#life !== "writing") return;
    const { clock, mirror } = this.#parts;
    this.#life = "ending";
    this.#agenda.close();
    for (const { cancel } of this.#cancels.values()) cancel();
    this.#statuses.hurry();
    const services = new Set([...mirror.statuses.services(), ...this.#statuses.services()]);
    if (this.#isReady) for (const service of services) this.#look(service);
    const until = after(clock.now(), LAST_WORDS);
    // Puts of this turn begin after it.
    do await new Promise<void>((resolve) => void clock.later(LAST_WORDS_LOOK, resolve));
    while (this.waiting > 0 && clock.now() < until);
    this.#life = "closed";
    this.#writes.close();
    this.#first.close();
  }

  get #isReady(): boolean {
    return this.#parts.mirror.isSynced && this.#voices !== undefined;
  }

  #owner(): Owner | undefined {
    const pod = this.#parts.mirror.podOf(this.#parts.self);
    return pod === undefined || pod.uid === "" ? undefined : { name: splitKey(pod.key).name, uid: pod.uid };
  }

  /** Those of which the API server says that they are ready; all of them if it says so of none. */
  #readyMembers(): ReadonlySet<string> {
    if (this.#members !== undefined) return this.#members;
    const members = this.#parts.mirror.members();
    const ready = members.filter(({ api }) => api === "ready");
    this.#members = new Set((ready.length > 0 ? ready : members).map(({ name }) => name));
    return this.#members;
  }

  #withService(key: ObjectKey, act: (service: Service) => void): void {
    const service = this.#parts.mirror.services.get(key);
    if (service !== undefined) act(service);
  }

  #soon(addresses: Iterable<IpAddress>): void {
    if (this.#isReady && this.#life === "writing") this.#agenda.soon(servicesAt(addresses, this.#parts));
  }

  #look(key: ObjectKey): void {
    const { self, placements, mirror, probing, takeoverOf = () => undefined } = this.#parts;
    const service = mirror.services.get(key);
    if (service === undefined) {
      this.#statuses.look(key, undefined, ALONE);
      this.#conditions.forget(key, CONDITIONS);
      return;
    }
    const around = {
      ...{ self, placements, probing, takeoverOf },
      ...{ verdicts: this.#verdicts, members: this.#readyMembers() },
      voices: this.#voices ?? new Map<IpAddress, readonly string[]>(),
      strangerAt: (address: IpAddress) => this.#conflicts.strangerAt(address),
      statusesOf: (each: ObjectKey) => mirror.statuses.of(each),
      carries: (node: string, address: IpAddress) => carriesAddress(mirror.reportOf(node), address),
      ...this.#routing(),
    };
    const standing = standingOf(service, around);
    if (standing.type === "announced") {
      this.#statuses.look(key, standing.own, standing);
      for (const { address, stranger } of standing.addresses) {
        const until = stranger === undefined ? undefined : this.#conflicts.toldUntil(address);
        if (until !== undefined) this.#agenda.at(key, until);
      }
    } else this.#statuses.look(key, undefined, ALONE);
    if (this.#life === "writing") this.#conditions.look(service, wishesOf(service, standing, around));
  }

  /** What is known of routers: nothing without BGP. */
  #routing(): Pick<Surroundings, "routedBy" | "unroutedAs"> {
    const { routing = NO_ROUTING, mirror } = this.#parts;
    const members = this.#readyMembers();
    return {
      unroutedAs: routing.silence,
      routedBy: (service) =>
        routing
          .statusesOf(service)
          .filter(({ node, peers }) => members.has(node) && peers.length > 0)
          .map(({ node, peers }) => {
            const sessions = new Set(mirror.reportOf(node)?.sessions);
            return { node, peers, reached: peers.filter((peer) => sessions.has(peer)) };
          })
          .sort((left, right) => (left.node < right.node ? -1 : 1)),
    };
  }

  #lookAtAll(): void {
    if (this.#isReady && this.#life === "writing") this.#agenda.everything();
  }

  #lookAtSome({ services, addresses }: SomeChanges): void {
    if (!this.#isReady || this.#life !== "writing") return;
    const { placements } = this.#parts;
    this.#agenda.soon(services);
    for (const address of addresses) this.#agenda.soon(placements.listing(address));
    this.#agenda.everything(BACKSTOP);
  }

  #lookAtReport(): void {
    if (this.#parts.mirror.isSynced && this.#life === "writing") this.#report.look();
  }

  #lookAtConflicts(): void {
    if (this.#isReady && this.#life === "writing") this.#conflicts.look();
  }

  #later(what: Later, when: Instant): void {
    const { clock } = this.#parts;
    const known = this.#cancels.get(what);
    if (this.#life !== "writing" || (known !== undefined && known.when <= when)) return;
    known?.cancel();
    const cancel = clock.later(between(clock.now(), when), () => {
      this.#cancels.delete(what);
      if (what === "report") this.#lookAtReport();
      else if (what === "conflicts") this.#lookAtConflicts();
      else if (this.#attempts.clean(clock.now()) > 0) this.#cleanLater();
    });
    this.#cancels.set(what, { when, cancel });
  }

  readonly #onWritten: ConditionParts["onWritten"] = (service, { type, status, reason, message }, before) => {
    if (!type.endsWith("/Reachable")) return;
    const isNews = before?.status !== status || before.reason !== reason;
    if (status === "False" && isNews) this.#events.tell(service, notReachable(message));
    if (status === "True" && before?.status === "False") this.#events.tell(service, reachableAgain(message));
  };

  /** What was sent for thousands of Services is not remembered for ever. */
  #cleanLater(): void {
    this.#later("attempts", after(this.#parts.clock.now(), REST));
  }

  #onEnd(subject: string, failure: Failure | undefined): void {
    this.#cleanLater();
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
