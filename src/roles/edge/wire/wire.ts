/** The parts of the wire process, and what each tells the others. */
import type { IpAddress } from "#base/address";
import { after, type Duration, type Instant, seconds, wallTime } from "#base/time";
import type { BackendKey, VirtualServer } from "#core/balance/model";
import type { ForwardingPlan, Reported } from "#core/balance/plan-model";
import { createSources } from "#core/balance/source";
import { type Desired, NOTHING_DESIRED } from "#core/config/desired";
import { isTracked } from "#core/conntrack/endings";
import type { HealthTransition } from "#core/health/observe";
import type { Event } from "#core/observation/event";
import { routerIdentity } from "#core/vrrp/config";
import type { Balancer, Unavailable } from "#drivers/balance/port";
import type { CheckPort } from "#drivers/check/port";
import type { ClockPort } from "#drivers/clock/port";
import type { ConntrackPort } from "#drivers/conntrack/port";
import type { SyncDaemonPort } from "#drivers/conntrackd/port";
import type { NetlinkPort } from "#drivers/netlink/port";
import type { NotifyPort } from "#drivers/notify/port";
import type { SysctlPort } from "#drivers/sysctl/port";
import type { Deadlines } from "#runtime/deadlines";
import { createJournal } from "#runtime/journal";
import type { AgentToWire, FastToWire, WireFacts } from "../messages.ts";
import { type EdgeOptions, EXIT } from "../options.ts";
import type { AgentExit, AgentOptions, AgentProcess } from "./agent-process.ts";
import { changesBetween } from "./changes.ts";
import { type ConnectionSync, createConnectionSync } from "./connection-sync.ts";
import { createCutOffs, routersOf } from "./cut-off.ts";
import { createDrains, type Drains } from "./drains.ts";
import { createEngineCounts, type EngineCounts } from "./engine-counts.ts";
import type { FastLink, startFast } from "./fast-link.ts";
import { createFirstVerdicts, type FirstVerdicts } from "./first-verdicts.ts";
import { createFlowEnds, type FlowEnds } from "./flow-ends.ts";
import { createForwarding, type Forwarding } from "./forwarding.ts";
import { createLimitWatch, type LimitWatch } from "./limit-watch.ts";
import { createLoadWatch, type LoadWatch } from "./load-watch.ts";
import { createPaths, type Paths } from "./paths.ts";
import { createSettings, type Settings } from "./settings.ts";
import { checkSubjects, createSubjects, type Subject, type Subjects, serverSubjects } from "./subjects.ts";
import { createSupervision, type Supervision } from "./supervision.ts";
import { createTableWatch, type TableWatch } from "./table-watch.ts";
import { createVirtualLinks, type VirtualLinks } from "./virtual-links.ts";

/** Observations that a late agent can still be given. */
const JOURNAL_CAPACITY = 5_000;

/** Pause between two looks at the kernel settings, of whose changes the kernel tells nobody. */
const SETTINGS_WATCH = seconds(5);

/** Where the wire process touches the world. */
export type WireParts = {
  readonly options: EdgeOptions;
  readonly facts: WireFacts;
  readonly netlink: NetlinkPort;
  readonly engine: Balancer;
  readonly sysctl: SysctlPort;
  readonly checks: CheckPort;
  /** `undefined` where the kernel has no connection tracking. */
  readonly conntrack: ConntrackPort | undefined;
  readonly syncDaemons: SyncDaemonPort;
  readonly clock: ClockPort;
  readonly deadlines: Deadlines;
  readonly startAgent: (agent: AgentOptions) => AgentProcess;
  readonly startFast: typeof startFast;
  /** The service manager; `undefined` when nobody supervises us. */
  readonly notify: NotifyPort | undefined;
  /** How long the service manager lets us be silent. */
  readonly watchdog: Duration | undefined;
  /** Called after work that leaves much garbage. */
  readonly afterBurst: () => void;
  /** Called once, when there is nothing left to do. */
  readonly end: (status: number) => void;
};

const capitalised = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

/** The first word of the keys under which open flows are told: `open-flows SERVER/BACKEND`. */
const OPEN_FLOWS = "open-flows";

export class Wire {
  readonly #parts: WireParts;
  readonly #journal = createJournal({ capacity: JOURNAL_CAPACITY, onObservation: () => this.#agent.pump() });
  readonly #agent: AgentProcess;
  readonly #fast: FastLink;
  readonly #subjects: Subjects;
  readonly #forwarding: Forwarding;
  readonly #drains: Drains;
  readonly #loadWatch: LoadWatch;
  readonly #limitWatch: LimitWatch;
  readonly #engineCounts: EngineCounts;
  /** What the fast thread and limits of sources have counted. */
  #counts: Readonly<Record<string, number>> = {};
  readonly #flowEnds: FlowEnds;
  readonly #sync: ConnectionSync;
  readonly #tableWatch: TableWatch;
  readonly #paths: Paths;
  readonly #settings: Settings;
  readonly #virtualLinks: VirtualLinks;
  readonly #supervision: Supervision;
  readonly #cutOffs = createCutOffs();
  #desired: Desired | undefined;
  /** Forgotten when the configuration or the network has changed. */
  #sources: ReturnType<typeof createSources> | undefined;
  /** Backends that are checked; the others count as available. */
  #checked: ReadonlySet<string> = new Set();
  #generation = 0;
  /** Whether forwarding is in place, so that routers may attract traffic. */
  #mayAttract = false;
  readonly #firstVerdicts: FirstVerdicts;
  /** Asked while the agent starts, since the first configuration waits for the answer. */
  #firstAvailability: Promise<Unavailable | undefined> | undefined;
  #accepting: Promise<void> = Promise.resolve();
  #stopping = false;
  #complainedOf: string | undefined;

  constructor(parts: WireParts) {
    this.#parts = parts;
    const { options, netlink, engine, clock, deadlines, notify, watchdog } = parts;
    const emit = (event: Event): void => this.#emit(event);
    this.#agent = parts.startAgent({
      journal: this.#journal,
      facts: parts.facts,
      desired: () => this.#desired,
      onMessage: (message) => this.#onAgent(message),
      onExit: (exit) => this.#onAgentExit(exit),
    });
    this.#firstAvailability = engine.available();
    this.#fast = parts.startFast({
      realtime: options.realtime,
      runtimeDirectory: options.runtimeDirectory,
      now: () => clock.now(),
      onMessage: (message) => this.#onFast(message),
      onExit: (detail) => this.#onFastExit(detail),
    });
    this.#supervision = createSupervision({
      ...{ notify, watchdog, deadlines },
      now: () => clock.now(),
      fastSeenAt: () => this.#fast.seenAt(),
    });
    const onTransition = (subject: Subject, transition: HealthTransition) =>
      this.#onVerdict(subject, transition);
    this.#subjects = createSubjects({
      clock,
      deadlines,
      checks: parts.checks,
      onTransition,
      cutOff: (server) => this.#cutOff(server),
      onPardon: () => this.#onPardon(),
    });
    this.#firstVerdicts = createFirstVerdicts(this.#subjects);
    this.#paths = createPaths(netlink, () => this.#onPathsChanged());
    this.#virtualLinks = createVirtualLinks({ netlink, emit });
    this.#settings = createSettings({
      sysctl: parts.sysctl,
      host: () => ({
        ...this.#paths.host(this.#desired?.routers ?? []),
        ipvs: options.engine === "ipvs",
      }),
      directory: options.runtimeDirectory,
      emit,
    });
    const { conntrack } = parts;
    this.#loadWatch = createLoadWatch({
      ...{ conntrack, clock, deadlines },
      onChange: (server) => this.#onLoads(server),
      tell: (loadByKey) => this.#tellLoads(loadByKey),
    });
    this.#limitWatch = createLimitWatch({
      ...{ engine, clock, deadlines, emit },
      tell: (packetsByKey) => this.#tellKeptOut(packetsByKey),
    });
    this.#engineCounts = createEngineCounts({
      ...{ engine, clock, deadlines },
      tell: (counts) => this.#tellCounts(counts),
    });
    this.#drains = createDrains({ clock, wallNow: () => wallTime(Date.now()), emit });
    this.#sync = createConnectionSync({ daemons: parts.syncDaemons, clock, deadlines, emit });
    this.#flowEnds = createFlowEnds({ conntrack, clock, deadlines, emit });
    this.#tableWatch = createTableWatch({ conntrack, clock, deadlines, emit });
    this.#forwarding = createForwarding({
      inputs: {
        servers: () => this.#desired?.servers ?? [],
        availability: (key) => this.#availability(key),
        load: (key) => this.#loadWatch.load(key),
        ingress: (address) => this.#paths.ingress(address, this.#desired?.routers ?? []),
        egress: (address) => this.#paths.egress(address),
        source: (server, backend) => this.#source(server, backend),
        isHeld: (address) => this.#isHeld(address),
      },
      engine,
      clock,
      deadlines,
      emit,
      onApplied: (plan) => this.#onForwardingApplied(plan),
    });
  }

  /** Tells the agent to read the files again. */
  reload(): void {
    this.#supervision.reloading();
    this.#agent.send({ type: "reload" });
  }

  /** Gives everything up in order: addresses first, then forwarding and settings, then the agent. */
  async stop(why: string): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#emit({ type: "process", part: "wire", change: "stopping", detail: why });
    this.#subjects.close();
    this.#flowEnds.close();
    this.#tableWatch.watch(false);
    await this.#fast.stop();
    await this.#sync.stop();
    if (this.#desired !== undefined) {
      await this.#forwarding.remove();
      this.#settings.restore();
      this.#virtualLinks.remove();
    }
    await this.#agent.stop();
    this.#parts.end(EXIT.ok);
  }

  /** Ends and leaves everything in the kernel, for a next run that comes at once: nobody takes over, nothing moves. */
  async abandon(why: string): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#emit({ type: "process", part: "wire", change: "stopping", detail: `${why}: all stays in place` });
    this.#subjects.close();
    this.#sync.leave();
    await Promise.all([this.#fast.abandon(), this.#forwarding.leave()]);
    await this.#agent.stop();
    this.#parts.end(EXIT.ok);
  }

  #emit(event: Event, at = Date.now()): void {
    this.#journal.record(event, wallTime(at));
    this.#supervision.observe(event, this.#journal.view);
    // Its settings are there since its module was loaded.
    if (event.type === "server-engine" && event.engine === "ipvs" && this.#desired !== undefined) {
      this.#settings.apply(this.#desired);
    }
    if (event.type !== "forwarding-applied" || event.how === "removed") return;
    this.#attract();
    if (event.how === "ruleset") this.#parts.afterBurst();
  }

  #onAgent(message: AgentToWire): void {
    if (message.type === "refused") {
      this.#sayRefused(message.problems);
      this.#supervision.reloaded();
    }
    if (message.type !== "desired") return;
    // One configuration at a time, in the order they came.
    const { id, desired } = message;
    this.#accepting = this.#accepting
      .then(() => this.#accept(id, desired))
      .then(() => this.#supervision.reloaded());
  }

  /** A stop may come between any two of the steps: after it nothing is put into the kernel any more. */
  async #accept(id: number, desired: Desired): Promise<void> {
    if (this.#stopping) return;
    const unavailable = desired.servers.length === 0 ? undefined : await this.#availableEngine();
    if (this.#stopping) return;
    this.#agent.send({ type: "answer", id, accepted: unavailable === undefined });
    if (unavailable !== undefined) {
      this.#refuse(
        `virtual servers cannot run here: ${unavailable.detail}. ${capitalised(unavailable.remedy)}`,
      );
      return;
    }
    const isReload = this.#mayAttract;
    if (isReload) await this.#retire(desired);
    if (this.#stopping) return;
    const changes = changesBetween(this.#desired ?? NOTHING_DESIRED, desired);
    const isNews = this.#desired === undefined || Object.values(changes).some(({ length }) => length > 0);
    this.#desired = desired;
    this.#sources = undefined;
    if (isNews) this.#generation += 1;
    this.#emit({ type: "config-applied", generation: this.#generation, ...changes });
    const subjects = serverSubjects(desired.servers);
    this.#checked = new Set(subjects.map(({ id }) => id));
    this.#subjects.reconcile([...subjects, ...checkSubjects(desired.checks)]);
    this.#makeLinks(desired);
    this.#settings.apply(desired);
    this.#watchSettings(this.#parts.clock.now());
    this.#sync.update(desired);
    if (!isReload) {
      await this.#resume(desired);
      await this.#firstVerdicts.wait();
    }
    if (this.#stopping) return;
    this.#forwarding.update();
    await this.#forwarding.settled();
    if (isReload && !this.#stopping) this.#configureFast();
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
      this.#sayRefused([problem]);
      return;
    }
    process.stderr.write(`steelyard edge: ${problem}\n`);
    void this.#leave(EXIT.environment);
  }

  /** Once for the same problems: a changed file and SIGHUP often come together. */
  #sayRefused(problems: readonly string[]): void {
    const { refused } = this.#journal.view.config;
    if (JSON.stringify(refused) === JSON.stringify(problems)) return;
    this.#emit({ type: "config-refused", problems });
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
  async #resume({ routers, servers }: Desired): Promise<void> {
    if (this.#subjects.allKnown()) return;
    if (servers.length > 0 && !(await this.#forwarding.isInherited())) return;
    if (!this.#stopping) this.#fast.send({ type: "configure", routers, start: "resuming" });
  }

  /** Routers that are no more, or no more like this, hand over first, while what they attract is still served. */
  async #retire({ routers }: Desired): Promise<void> {
    const staying = new Set(routers.map((router) => `${router.name} ${routerIdentity(router)}`));
    const leaving = (this.#desired?.routers ?? []).filter(
      (router) => !staying.has(`${router.name} ${routerIdentity(router)}`),
    );
    if (leaving.length > 0) await this.#fast.retire(leaving.map(({ name }) => name));
  }

  /** A router that becomes active before its forwarding is in place would draw users into nothing. */
  #attract(): void {
    if (this.#mayAttract || this.#stopping) return;
    this.#mayAttract = true;
    this.#configureFast();
    const took = Date.now() - this.#parts.facts.startedAt;
    this.#emit({ type: "process", part: "wire", change: "ready", detail: `${took} ms after its start` });
  }

  #configureFast(): void {
    for (const { name } of this.#desired?.checks ?? []) {
      this.#fast.send({ type: "check-health", check: name, state: this.#subjects.verdict(`check ${name}`) });
    }
    this.#fast.send({ type: "configure", routers: this.#desired?.routers ?? [], start: "all" });
  }

  #onVerdict(subject: Subject, { from, to, failure }: HealthTransition): void {
    const because = failure === undefined ? {} : { reason: failure.reason, detail: failure.detail };
    if (subject.of.kind === "check") {
      const { check } = subject.of;
      this.#emit({ type: "check-health", check, from, to, ...because });
      this.#fast.send({ type: "check-health", check, state: to });
    } else {
      const { server, backend } = subject.of;
      this.#emit({ type: "backend-health", server, backend, from, to, ...because });
      if (this.#mayAttract) this.#forwarding.update(server);
    }
    this.#firstVerdicts.heard();
  }

  #onPardon(): void {
    if (this.#mayAttract) this.#forwarding.update();
  }

  /** Interfaces come before their settings, and those before the routers that use them. */
  #makeLinks({ routers }: Desired): void {
    if (this.#virtualLinks.apply(routers)) this.#paths.refresh();
  }

  #source(server: VirtualServer, backend: IpAddress): IpAddress | undefined {
    const { routers, servers } = this.#desired ?? NOTHING_DESIRED;
    this.#sources ??= createSources({ routers, servers, ...this.#paths.network() });
    return this.#sources(server, backend);
  }

  /** An address that no router manages is always here. */
  #isHeld(address: IpAddress): boolean {
    const holders = routersOf(address, this.#desired?.routers ?? []);
    const { routers } = this.#journal.view;
    return (
      holders.length === 0 || holders.some(({ name }) => routers[name]?.addresses.includes(address) === true)
    );
  }

  #cutOff(server: string): Instant | undefined {
    const { routers = [], servers = [] } = this.#desired ?? {};
    const address = servers.find(({ name }) => name === server)?.address;
    return address === undefined ? undefined : this.#cutOffs.since(address, routers);
  }

  #availability(key: BackendKey): Reported {
    const id = `backend ${key}`;
    if (!this.#checked.has(id) || this.#subjects.verdict(id) === "healthy") return "available";
    return this.#subjects.isPardoned(id) ? "doubtful" : "unavailable";
  }

  readonly #watchSettings = (now: Instant): void => {
    if (this.#stopping) return;
    this.#settings.recheck();
    this.#parts.deadlines.set("settings", after(now, SETTINGS_WATCH), this.#watchSettings);
  };

  /** Interfaces that appear need their settings; where packets go matters to direct server return only. */
  #onPathsChanged(): void {
    this.#sources = undefined;
    if (this.#stopping || this.#desired === undefined) return;
    this.#makeLinks(this.#desired);
    this.#settings.apply(this.#desired);
    if (this.#mayAttract && this.#desired.servers.some(({ mode }) => mode !== "nat"))
      this.#forwarding.update();
  }

  #onLoads(server: string): void {
    if (this.#mayAttract && !this.#stopping) this.#forwarding.refresh(server);
  }

  #tellKeptOut(packetsByKey: ReadonlyMap<string, number>): void {
    this.#tellCounts(
      Object.fromEntries([...packetsByKey].map(([key, packets]) => [`kept-out ${key}`, packets])),
    );
  }

  /** What is no longer counted is no longer told. */
  #tellLoads(loadByKey: ReadonlyMap<BackendKey, number>): void {
    const others = Object.entries(this.#counts).filter(([key]) => !key.startsWith(OPEN_FLOWS));
    this.#counts = Object.fromEntries(others);
    this.#tellCounts(Object.fromEntries([...loadByKey].map(([key, open]) => [`${OPEN_FLOWS} ${key}`, open])));
  }

  #tellCounts(news: Readonly<Record<string, number>>): void {
    this.#counts = { ...this.#counts, ...news };
    this.#agent.tellCounts(this.#counts);
  }

  #onForwardingApplied(plan: ForwardingPlan): void {
    this.#drains.onApplied(plan);
    this.#limitWatch.onApplied(plan);
    this.#engineCounts.onApplied(plan);
    this.#loadWatch.onApplied(plan);
    this.#flowEnds.onApplied(plan);
    this.#tableWatch.watch(plan.servers.some(isTracked));
  }

  #onFast(message: FastToWire): void {
    if (message.type === "event") {
      this.#emit(message.event, message.at);
      const now = this.#parts.clock.now();
      if (this.#cutOffs.hear(message.event, now) && !this.#stopping) this.#subjects.cutOffChanged();
    }
    if (message.type === "counts") this.#tellCounts(message.counts);
  }

  /** Our own mistake: the kernel keeps what it has, and the service manager starts us again. */
  #onFastExit(detail: string): void {
    process.stderr.write(`steelyard edge: the fast thread ended: ${detail}\n`);
    this.#parts.end(EXIT.environment);
  }

  #onAgentExit({ code, signal, pid, stranger }: AgentExit): "restart" | "leave" {
    if (this.#stopping) return "leave";
    if (stranger !== undefined) this.#complainOf(stranger);
    const status = stranger === undefined ? code : EXIT.environment;
    if (this.#desired === undefined && status !== null && status !== EXIT.ok) {
      void this.#leave(status);
      return "leave";
    }
    const detail = `pid ${pid}: ${stranger ?? (signal === null ? `status ${code}` : signal)}`;
    this.#emit({ type: "process", part: "agent", change: "exited", detail });
    return "restart";
  }

  /** Once, and without the agent, which would write the log. */
  #complainOf(stranger: string): void {
    if (this.#complainedOf === stranger) return;
    this.#complainedOf = stranger;
    process.stderr.write(
      `steelyard edge: the agent cannot be started, ${stranger}: restart steelyard edge\n`,
    );
  }
}
