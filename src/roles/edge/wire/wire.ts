/** The parts of the wire process, and what each tells the others. */
import { formatDuration, millis, wallTime } from "#base/time";
import type { BackendKey } from "#core/balance/model";
import { type Desired, NOTHING_DESIRED, needsRules } from "#core/config/desired";
import type { LastFailure } from "#core/health/machine";
import type { HealthTransition } from "#core/health/observe";
import type { Event } from "#core/observation/event";
import { emptyView, project, type View } from "#core/observation/view";
import type { Unavailable } from "#drivers/balance/port";
import type { ChildExit } from "#drivers/ipc/child";
import { createJournal } from "#runtime/journal";
import type { AgentToWire, FastToWire } from "../messages.ts";
import { complaint, EXIT } from "../options.ts";
import type { AgentProcess } from "./agent-process.ts";
import { Balancing } from "./balancing.ts";
import { type BgpStart, EdgeBgp } from "./bgp.ts";
import { changesBetween, routersLeaving } from "./changes.ts";
import { type CheckWords, createCheckWords, LONGEST_STAY } from "./check-words.ts";
import { type Complaints, cannotRun, createComplaints } from "./complaints.ts";
import { type ConnectionSync, createConnectionSync } from "./connection-sync.ts";
import { createCounts } from "./counts.ts";
import { createCutOffs } from "./cut-off.ts";
import type { FastLink } from "./fast-link.ts";
import { createFirstVerdicts, type FirstVerdicts } from "./first-verdicts.ts";
import { HostState } from "./host.ts";
import { createLag } from "./lag.ts";
import type { WireParts } from "./parts.ts";
import { checkSubjects, createSubjects, type Subject, type Subjects, serverSubjects } from "./subjects.ts";
import { createSupervision, type Supervision } from "./supervision.ts";

/** Observations that a late agent can still be given. */
const JOURNAL_CAPACITY = 5_000;

export class Wire {
  readonly #parts: WireParts;
  readonly #journal = createJournal<Event, View>({
    ...{ capacity: JOURNAL_CAPACITY, view: emptyView(), project },
    onObservation: () => this.#agent.pump(),
  });
  readonly #agent: AgentProcess;
  readonly #fast: FastLink;
  readonly #subjects: Subjects;
  readonly #balancing: Balancing;
  readonly #host: HostState;
  readonly #bgp: EdgeBgp;
  readonly #counts = createCounts((counts) => this.#agent.tellCounts(counts));
  readonly #sync: ConnectionSync;
  readonly #supervision: Supervision;
  readonly #lag = createLag((event) => this.#emit(event));
  readonly #cutOffs = createCutOffs();
  readonly #complaints: Complaints;
  readonly #checkWords: CheckWords;
  #desired: Desired | undefined;
  #generation = 0;
  /** Whether forwarding is in place, so that routers may attract traffic. */
  #mayAttract = false;
  /** Whether the kernel forwarded as an earlier run had left it when this one came. */
  #start: BgpStart = "fresh";
  readonly #firstVerdicts: FirstVerdicts;
  /** Asked while the agent starts, since the first configuration waits for the answer. */
  #firstAvailability: Promise<Unavailable | undefined> | undefined;
  #accepting: Promise<void> = Promise.resolve();
  #stopping = false;

  constructor(parts: WireParts) {
    this.#parts = parts;
    const { clock, deadlines, notify, watchdog } = parts;
    const { realtime, runtimeDirectory } = parts.options;
    const emit = (event: Event): void => this.#emit(event);
    this.#complaints = createComplaints({
      ...{ emit, program: parts.options.program },
      view: () => this.#journal.view,
    });
    this.#agent = parts.startAgent({
      journal: this.#journal,
      facts: parts.facts,
      desired: () => this.#desired,
      bgp: () => this.#bgp.facts(),
      onMessage: (message) => this.#onAgent(message),
      onExit: (exit) => this.#onAgentExit(exit),
    });
    this.#firstAvailability = parts.engine.available();
    this.#fast = parts.startFast({
      ...{ realtime, runtimeDirectory, now: () => clock.now() },
      onMessage: (message) => this.#onFast(message),
      onExit: (detail) => this.#onFastExit(detail),
    });
    this.#supervision = createSupervision({
      ...{ notify, watchdog, deadlines },
      now: () => clock.now(),
      fastSeenAt: () => this.#fast.seenAt(),
    });
    this.#subjects = createSubjects({
      ...{ clock, deadlines, checks: parts.checks },
      onTransition: (subject, transition) => this.#onVerdict(subject, transition),
      onSilence: (subject, failure) => this.#onSilence(subject, failure),
      onNote: (subject, note) => this.#onNote(subject, note),
      cutOff: (server) => this.#cutOffs.sinceOf(server, this.#desired ?? NOTHING_DESIRED),
      onPardon: () => this.#balancing.update(),
    });
    this.#firstVerdicts = createFirstVerdicts(this.#subjects);
    this.#host = new HostState({ ...parts, emit, onPathsChanged: () => this.#onPathsChanged() });
    this.#balancing = new Balancing({
      ...parts,
      ...{ paths: this.#host.paths, subjects: this.#subjects, counts: this.#counts, emit },
      view: () => this.#journal.view,
      onApplied: (plan) => this.#bgp.follow(plan),
    });
    this.#bgp = new EdgeBgp({
      ...{ ...parts, emit, drainTime: millis(parts.options.bgpDrain) },
      report: (key) => this.#balancing.availability(key),
      onFacts: () => this.#agent.tellBgp(),
    });
    this.#checkWords = createCheckWords({
      ...{ clock, deadlines },
      openFlows: (check) => this.#balancing.openFlows(this.#servedBy(check)),
      send: (check, state) => this.#fast.send({ type: "check-health", check, state }),
      onStay: (check, flows) => this.#onStay(check, flows),
    });
    this.#sync = createConnectionSync({ daemons: parts.syncDaemons, clock, deadlines, emit });
  }

  /** Tells the agent to read the files again. */
  reload(): void {
    this.#supervision.reloading();
    this.#agent.send({ type: "reload" });
  }

  /**
   * Gives everything up in order: routes and addresses first, then forwarding and settings, then the agent. Told again, it waits for
   * routers no longer.
   */
  async stop(why: string): Promise<void> {
    if (this.#stopping) {
      this.#bgp.hurry();
      return;
    }
    this.#stopping = true;
    this.#emit({ type: "process", part: "wire", change: "stopping", detail: why });
    // All goes on meanwhile, checks too: routers send packets until they have found another way.
    await this.#bgp.leave("shutdown", why);
    this.#close();
    await this.#fast.stop();
    await this.#sync.stop();
    if (this.#desired !== undefined) {
      await this.#balancing.remove();
      this.#host.restore();
    }
    await this.#agent.stop();
    this.#parts.end(EXIT.ok);
  }

  /** Ends and leaves everything in the kernel, for a next run that comes at once: nobody takes over, nothing moves. */
  async abandon(why: string): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#emit({ type: "process", part: "wire", change: "stopping", detail: `${why}: all stays in place` });
    await this.#bgp.leave("restart", why);
    this.#close();
    this.#sync.leave();
    await Promise.all([this.#fast.abandon(), this.#balancing.leave()]);
    await this.#agent.stop();
    this.#parts.end(EXIT.ok);
  }

  /** Nothing is watched any more; what is in the kernel stays. */
  #close(): void {
    this.#subjects.close();
    this.#checkWords.close();
    this.#balancing.close();
    this.#host.close();
    this.#bgp.close();
  }

  #emit(event: Event, at = Date.now()): void {
    this.#journal.record(event, wallTime(at));
    this.#supervision.observe(event, this.#journal.view);
    // Its settings are there since its module was loaded.
    if (event.type === "server-engine" && event.engine === "ipvs") this.#host.refreshSettings();
    if (event.type !== "forwarding-applied" || event.how === "removed") return;
    this.#lag.forwardingFollows();
    this.#attract();
    if (event.how === "ruleset") this.#parts.afterBurst();
  }

  #onAgent(message: AgentToWire): void {
    if (message.type === "refused") {
      this.#complaints.refused(message.problems);
      this.#supervision.reloaded();
    }
    if (message.type === "unchanged") this.#inTurn(async () => this.#confirm());
    if (message.type === "desired") this.#inTurn(() => this.#accept(message.id, message.desired));
  }

  /** One configuration at a time, in the order they came. */
  #inTurn(accept: () => Promise<void>): void {
    this.#accepting = this.#accepting.then(accept).then(() => this.#supervision.reloaded());
  }

  /** What runs is what is wanted: nothing is touched, and what was refused before is forgotten. */
  #confirm(): void {
    if (this.#stopping || this.#desired === undefined) return;
    const nothing = { added: [], changed: [], removed: [] };
    this.#emit({ type: "config-applied", generation: this.#generation, ...nothing });
  }

  /** A stop may come between any two of the steps: after it nothing is put into the kernel any more. */
  async #accept(id: number, desired: Desired): Promise<void> {
    if (this.#stopping) return;
    const unavailable = needsRules(desired) ? await this.#availableEngine() : undefined;
    if (this.#stopping) return;
    this.#agent.send({ type: "answer", id, accepted: unavailable === undefined });
    if (unavailable !== undefined) {
      this.#refuse(cannotRun(desired, unavailable));
      return;
    }
    const isReload = this.#mayAttract;
    if (isReload) await Promise.all([this.#retire(desired), this.#bgp.retire(desired)]);
    if (this.#stopping) return;
    const changes = changesBetween(this.#desired ?? NOTHING_DESIRED, desired);
    const isNews = this.#desired === undefined || Object.values(changes).some(({ length }) => length > 0);
    this.#desired = desired;
    if (isNews) this.#generation += 1;
    this.#emit({ type: "config-applied", generation: this.#generation, ...changes });
    this.#balancing.configure(desired);
    this.#bgp.configure(desired);
    this.#subjects.reconcile([...serverSubjects(desired.servers), ...checkSubjects(desired.checks)]);
    this.#host.apply(desired);
    this.#sync.update(desired);
    if (!isReload) {
      if (desired.peers.length > 0 && (await this.#balancing.isInherited())) this.#start = "again";
      await this.#resume(desired);
      await this.#firstVerdicts.wait();
    }
    if (this.#stopping) return;
    const failure = await this.#balancing.apply();
    if (!isReload || this.#stopping) return;
    this.#configureFast();
    this.#bgp.meet("fresh");
    this.#lag.routersFollow(this.#generation, failure);
  }

  /** Asked anew for every configuration but the first: what was missing may have been installed. */
  #availableEngine(): Promise<Unavailable | undefined> {
    const asked = this.#firstAvailability ?? this.#parts.engine.available();
    this.#firstAvailability = undefined;
    return asked;
  }

  /** What cannot run here is refused: at the start the program ends, later the running configuration stays. */
  #refuse(problem: string): void {
    if (this.#desired !== undefined) {
      this.#complaints.refused([problem]);
      return;
    }
    process.stderr.write(complaint(this.#parts.options, problem));
    void this.#leave(EXIT.environment);
  }

  /** Ends before anything was touched. */
  async #leave(status: number): Promise<void> {
    this.#stopping = true;
    // It has a file of its own in the runtime directory, which it removes when it is done.
    await this.#firstAvailability;
    await this.#fast.stop();
    await this.#agent.stop();
    this.#parts.end(status);
  }

  /**
   * What a killed run of the program held is held on before anybody is asked: its forwarding is still in the kernel.
   * The other routers wait for verdicts.
   */
  async #resume(desired: Desired): Promise<void> {
    if (this.#subjects.allKnown()) return;
    if (needsRules(desired) && !(await this.#balancing.isInherited())) return;
    if (!this.#stopping) this.#fast.send({ type: "configure", routers: desired.routers, start: "resuming" });
  }

  /** Routers that are no more, or no more like this, hand over first, while what they attract is still served. */
  async #retire(desired: Desired): Promise<void> {
    const leaving = routersLeaving(this.#desired ?? NOTHING_DESIRED, desired);
    if (leaving.length > 0) await this.#fast.retire(leaving);
  }

  /** A router that becomes active before its forwarding is in place would draw users into nothing. */
  #attract(): void {
    if (this.#mayAttract || this.#stopping) return;
    this.#mayAttract = true;
    this.#balancing.open();
    this.#configureFast();
    this.#bgp.meet(this.#start);
    const took = Date.now() - this.#parts.facts.startedAt;
    this.#emit({ type: "process", part: "wire", change: "ready", detail: `${took} ms after its start` });
  }

  #configureFast(): void {
    for (const { name } of this.#desired?.checks ?? []) {
      const state = this.#checkWords.word(name, this.#subjects.verdict(`check ${name}`));
      this.#fast.send({ type: "check-health", check: name, state });
    }
    this.#fast.send({ type: "configure", routers: this.#desired?.routers ?? [], start: "all" });
  }

  #onVerdict(subject: Subject, transition: HealthTransition): void {
    const { from, to, failure, note } = transition;
    const noted = note === undefined ? {} : { detail: note };
    const because = failure === undefined ? noted : { reason: failure.reason, detail: failure.detail };
    if (subject.of.kind === "check") {
      const { check } = subject.of;
      const event: Event = { type: "check-health", check, from, to, ...because };
      this.#emit(event);
      this.#hearOfCutOff(event);
      this.#checkWords.heard(check, transition);
    } else {
      const { server, backend } = subject.of;
      this.#emit({ type: "backend-health", server, backend, from, to, ...because });
      this.#balancing.update(server);
    }
    this.#firstVerdicts.heard();
  }

  /** The backends that the program of a check is. */
  #servedBy(check: string): readonly BackendKey[] {
    return this.#desired?.checks.find(({ name }) => name === check)?.serves ?? [];
  }

  #onStay(check: string, flows: number): void {
    const detail = `it refuses; the address stays until ${flows} connections to it have ended, at most ${formatDuration(LONGEST_STAY)}`;
    this.#emit({ type: "check-health", check, from: "failed", to: "failed", detail });
  }

  /** It had failed before; now nobody but we can end what it has. */
  #onSilence({ of }: Subject, { reason, detail }: LastFailure): void {
    if (of.kind === "check") {
      this.#checkWords.silent(of.check);
      return;
    }
    const { server, backend } = of;
    this.#emit({ type: "backend-health", server, backend, from: "failed", to: "failed", reason, detail });
    this.#balancing.update(server);
  }

  /** For people only: nothing that depends on the verdict hears of it. */
  #onNote({ of }: Subject, note: string | undefined): void {
    const said = { from: "healthy", to: "healthy", ...(note === undefined ? {} : { detail: note }) } as const;
    if (of.kind === "check") this.#emit({ type: "check-health", check: of.check, ...said });
    else this.#emit({ type: "backend-health", server: of.server, backend: of.backend, ...said });
  }

  #onPathsChanged(): void {
    if (!this.#stopping && this.#desired !== undefined) this.#balancing.pathsChanged();
  }

  #onFast(message: FastToWire): void {
    if (message.type === "event") {
      this.#emit(message.event, message.at);
      this.#hearOfCutOff(message.event);
    }
    if (message.type === "counts") this.#counts.tell(message.counts);
  }

  #hearOfCutOff(event: Event): void {
    if (this.#cutOffs.hear(event, this.#parts.clock.now()) && !this.#stopping) this.#subjects.cutOffChanged();
  }

  /** Our own mistake: the kernel keeps what it has, and the service manager starts us again. */
  #onFastExit(detail: string): void {
    process.stderr.write(complaint(this.#parts.options, `the fast thread ended: ${detail}`));
    this.#parts.end(EXIT.environment);
  }

  #onAgentExit({ code, signal, pid, stranger }: ChildExit): "restart" | "leave" {
    if (this.#stopping) return "leave";
    if (stranger !== undefined) this.#complaints.noAgent(stranger);
    const status = stranger === undefined ? code : EXIT.environment;
    if (this.#desired === undefined && status !== null && status !== EXIT.ok) {
      void this.#leave(status);
      return "leave";
    }
    const detail = `pid ${pid}: ${stranger ?? (signal === null ? `status ${code}` : signal)}`;
    this.#emit({ type: "process", part: "agent", change: "exited", detail });
    return "restart";
  }
}
