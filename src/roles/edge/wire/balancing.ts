/** Forwarding, with everything that feeds its plans and everything that follows the plan in force. */
import { randomBytes, randomInt } from "node:crypto";
import type { IpAddress } from "#base/address";
import { wallTime } from "#base/time";
import { type BackendKey, backendKey, type VirtualServer } from "#core/balance/model";
import type { ForwardingPlan, Reported } from "#core/balance/plan-model";
import { createSources } from "#core/balance/source";
import { type Desired, NOTHING_DESIRED } from "#core/config/desired";
import { isTracked, selectorOf, targetOf } from "#core/conntrack/endings";
import type { Event } from "#core/observation/event";
import type { View } from "#core/observation/view";
import { unacceptedAddresses } from "#core/vrrp/accept-mode";
import { readSecret } from "#drivers/files/secret";
import type { Counts } from "./counts.ts";
import { routersOf } from "./cut-off.ts";
import { createDrains, type Drains } from "./drains.ts";
import { createEngineCounts, type EngineCounts } from "./engine-counts.ts";
import { createFlowEnds, type FlowEnds } from "./flow-ends.ts";
import { createForwarding, type Forwarding } from "./forwarding.ts";
import { createLimitWatch, type LimitWatch } from "./limit-watch.ts";
import { createLoadWatch, type LoadWatch } from "./load-watch.ts";
import type { WireParts } from "./parts.ts";
import type { Paths } from "./paths.ts";
import { createPinSync, type PinSync } from "./pin-sync.ts";
import { type Subjects, serverSubjects } from "./subjects.ts";
import { createTableWatch, type TableWatch } from "./table-watch.ts";

/** Sessions of the synchronisation of pins have 32 bits. */
const HIGHEST_SESSION = 0xffff_ffff;
const NONCE_LENGTH = 8;

type Parts = Pick<WireParts, "engine" | "conntrack" | "datagrams" | "clock" | "deadlines"> & {
  readonly paths: Paths;
  readonly subjects: Pick<Subjects, "report">;
  readonly counts: Counts;
  /** What has been observed so far. */
  readonly view: () => View;
  readonly emit: (event: Event) => void;
  /** Another plan has come into force. */
  readonly onApplied: (plan: ForwardingPlan) => void;
};

export class Balancing {
  readonly #parts: Parts;
  readonly #forwarding: Forwarding;
  readonly #drains: Drains;
  readonly #loadWatch: LoadWatch;
  readonly #limitWatch: LimitWatch;
  readonly #engineCounts: EngineCounts;
  readonly #flowEnds: FlowEnds;
  readonly #tableWatch: TableWatch;
  readonly #pinSync: PinSync;
  #desired: Desired = NOTHING_DESIRED;
  /** Forgotten when the configuration or the network has changed. */
  #sources: ReturnType<typeof createSources> | undefined;
  /** Backends that are checked; the others count as available. */
  #checked: ReadonlySet<string> = new Set();
  /** Whether changes are put into the kernel as they come. */
  #open = false;
  /** Servers that have changed, `undefined` for all of them, since what is being put in place was planned. */
  readonly #missed = new Set<string | undefined>();
  #followed: ForwardingPlan | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { engine, conntrack, clock, deadlines, counts, emit } = parts;
    this.#loadWatch = createLoadWatch({
      ...{ conntrack, clock, deadlines },
      onChange: (server) => this.#onLoads(server),
      tell: (loadByKey) => counts.tellLoads(loadByKey),
    });
    this.#limitWatch = createLimitWatch({
      ...{ engine, clock, deadlines, emit },
      tell: (packetsByKey) => counts.tellKeptOut(packetsByKey),
    });
    this.#engineCounts = createEngineCounts({ ...{ engine, clock, deadlines }, tell: counts.tellEngines });
    this.#drains = createDrains({ clock, wallNow: () => wallTime(Date.now()), emit });
    this.#flowEnds = createFlowEnds({ conntrack, clock, deadlines, emit });
    this.#tableWatch = createTableWatch({ conntrack, clock, deadlines, emit });
    this.#pinSync = createPinSync({
      ...{ engine, clock, deadlines, emit },
      datagrams: parts.datagrams,
      isHeld: (address) => this.#isHeld(address),
      session: () => randomInt(1, HIGHEST_SESSION),
      nonce: () => new Uint8Array(randomBytes(NONCE_LENGTH)),
      readSecret,
    });
    this.#forwarding = this.#createForwarding();
  }

  /** Another configuration: it comes into force with `apply`. */
  configure(desired: Desired): void {
    this.#desired = desired;
    this.#sources = undefined;
    this.#checked = new Set(serverSubjects(desired.servers).map(({ id }) => id));
    if (this.#open) this.#pinSync.update(desired);
  }

  /**
   * Puts what is wanted into the kernel; resolves when nothing waits any more, with why it was refused, if it was: then it
   * is tried again.
   */
  async apply(): Promise<string | undefined> {
    this.#missed.clear();
    this.#forwarding.update();
    await this.#forwarding.settled();
    return this.#forwarding.failure();
  }

  /** From now on changes are applied as they come, and those that came meanwhile: forwarding is in place. */
  open(): void {
    this.#open = true;
    this.#pinSync.update(this.#desired);
    for (const server of this.#missed) this.#forwarding.update(server);
    this.#missed.clear();
  }

  /** Something that plans depend on has changed: of one server only, when it is given by name. */
  update(server?: string): void {
    if (this.#open) this.#forwarding.update(server);
    else this.#missed.add(server);
  }

  /** Where packets go may have changed; it does not matter to mode nat. */
  pathsChanged(): void {
    this.#sources = undefined;
    if (this.#desired.servers.some(({ mode }) => mode !== "nat")) this.update();
  }

  /** Whether an earlier run's forwarding is whole in the kernel. */
  isInherited(): Promise<boolean> {
    return this.#forwarding.isInherited();
  }

  /** Watches nothing any more and follows no changes; forwarding stays until `remove`. */
  close(): void {
    this.#open = false;
    this.#flowEnds.close();
    this.#tableWatch.watch(false);
    this.#pinSync.close();
  }

  /** Applies nothing any more, and leaves what is there. */
  leave(): Promise<void> {
    return this.#forwarding.leave();
  }

  /** Removes everything of ours from the kernel. */
  remove(): Promise<void> {
    return this.#forwarding.remove();
  }

  #createForwarding(): Forwarding {
    const { paths, engine, clock, deadlines, emit } = this.#parts;
    return createForwarding({
      inputs: {
        servers: () => this.#desired.servers,
        availability: (key) => this.availability(key),
        load: (key) => this.#loadWatch.load(key),
        ingress: (address) => paths.ingress(address, this.#desired.routers),
        egress: (address) => paths.egress(address),
        source: (server, backend) => this.#source(server, backend),
        isHeld: (address) => this.#isHeld(address),
        unaccepted: () => unacceptedAddresses(this.#desired.routers),
      },
      ...{ engine, clock, deadlines, emit },
      onApplied: (plan) => this.#onApplied(plan),
    });
  }

  /** What is to be made of a backend now; those that nobody checks are available. */
  availability(key: BackendKey): Reported {
    const { subjects } = this.#parts;
    const id = `backend ${key}`;
    return this.#checked.has(id) ? subjects.report(id) : "available";
  }

  /** How many connections these backends have open over addresses that this edge holds, as far as the kernel tracks them. */
  async openFlows(keys: readonly BackendKey[]): Promise<number> {
    const [{ conntrack }, plan] = [this.#parts, this.#followed];
    if (conntrack === undefined || plan === undefined) return 0;
    const sections = plan.servers.flatMap((server) => {
      const backends = server.backends.filter(({ name }) => keys.includes(backendKey(server.name, name)));
      if (backends.length === 0 || !isTracked(server) || !this.#isHeld(server.address)) return [];
      return [{ selector: selectorOf(server, plan), targets: backends.map(targetOf) }];
    });
    const counted = sections.length === 0 ? undefined : await conntrack.count(sections);
    return counted?.ok === true ? counted.value.open.flat().reduce((sum, open) => sum + open, 0) : 0;
  }

  #source(server: VirtualServer, backend: IpAddress): IpAddress | undefined {
    const { routers, servers } = this.#desired;
    this.#sources ??= createSources({ routers, servers, ...this.#parts.paths.network() });
    return this.#sources(server, backend);
  }

  /** An address that no router manages is always here. */
  #isHeld(address: IpAddress): boolean {
    const holders = routersOf(address, this.#desired.routers);
    const { routers } = this.#parts.view();
    return (
      holders.length === 0 || holders.some(({ name }) => routers[name]?.addresses.includes(address) === true)
    );
  }

  #onLoads(server: string): void {
    if (this.#open) this.#forwarding.refresh(server);
  }

  #onApplied(plan: ForwardingPlan): void {
    this.#drains.onApplied(plan);
    this.#limitWatch.onApplied(plan);
    this.#engineCounts.onApplied(plan);
    this.#loadWatch.onApplied(plan);
    this.#flowEnds.onApplied(plan);
    this.#pinSync.onApplied(plan);
    this.#tableWatch.watch(plan.servers.some(isTracked));
    if (plan === this.#followed) return;
    this.#followed = plan;
    this.#parts.onApplied(plan);
  }
}
