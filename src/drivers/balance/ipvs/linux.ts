/**
 * Forwarding by IPVS on Linux.
 *
 * Every application compares all services of ours with what is wanted. The destinations of a service are read when it
 * is new to us, when the plan changed it, and a few services at a time in turn, so that a look at thousands of them
 * stays short.
 */
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { decodeCheckpoint, encodeCheckpoint } from "#core/balance/checkpoint";
import type { ForwardingPlan, ServerPlan } from "#core/balance/plan-model";
import type { IpvsChange } from "#core/ipvs/change";
import { diffServices } from "#core/ipvs/diff";
import { type IpvsService, type ServiceState, serviceKey } from "#core/ipvs/model";
import { type Translation, translateServer } from "#core/ipvs/translate";
import { type Door, openDoor } from "#native/door";
import type {
  ApplyResult,
  BalanceEngine,
  BalanceError,
  Observed,
  RemoveResult,
  Unavailable,
} from "../port.ts";
import { Inventory } from "./inventory.ts";
import {
  type ChangeError,
  describeError,
  type IpvsKernel,
  type KernelError,
  type KernelResult,
} from "./kernel.ts";
import { OWNS_NOTHING } from "./record.ts";
import { openIpvsSocket } from "./socket.ts";
import { type DaemonWork, keepDaemons, type SyncOptions } from "./sync.ts";
import { explainUnavailable } from "./unavailable.ts";

export type IpvsEngineOptions = {
  /** `undefined` means the one of this machine. */
  readonly door?: Door;
  /** A directory that only we write to, on a file system that a reboot empties, such as /run/steelyard. */
  readonly runDirectory: string;
  /** `undefined` leaves the sync daemon alone. */
  readonly sync?: SyncOptions | undefined;
  /** Told in one sentence what does not work and does not stop the rest. */
  readonly warn: (message: string) => void;
};

type Options = Omit<IpvsEngineOptions, "door"> & {
  readonly kernel: KernelResult<IpvsKernel>;
  /** A clock that never goes back, in microseconds. */
  readonly nowMicros: () => number;
};

const RECORD_FILE = "ipvs.json";
const CHECKPOINT_FILE = "ipvs-forwarding.json";
/** How many services have their destinations read in one application although nothing changed them. */
const LOOKS = 128;
/** How long a service that the kernel refused is not tried again, in microseconds. */
const TROUBLE_AGE = 60_000_000;
const NO_DESTINATIONS = { ok: true, value: [] } as const;

type Failure = { readonly ok: false; readonly error: BalanceError };
type Wanted = ReadonlyMap<string, ServiceState>;
type Trouble = { readonly reason: string; readonly until: number };

const failed = (error: KernelError): Failure => ({
  ok: false,
  error: { code: "refused", message: `IPVS refused: ${describeError(error)}` },
});

class IpvsEngine implements BalanceEngine {
  readonly name = "ipvs";
  readonly passesOn = false;
  readonly #options: Options;
  /** A server that did not change is the same object in the next plan. */
  readonly #translations = new WeakMap<ServerPlan, Translation>();
  readonly #inventory: Inventory;
  /** What runs as far as we know, by service; `undefined` before the first application. */
  #applied: Wanted | undefined;
  #plan: ForwardingPlan | undefined;
  /** Services that the kernel refused. */
  readonly #troubles = new Map<string, Trouble>();
  /** Where the next look at destinations in turn begins. */
  #turn = 0;
  #warned: string | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: Options) {
    this.#options = options;
    const { kernel, nowMicros } = options;
    this.#inventory = new Inventory({ kernel, nowMicros, record: this.#path(RECORD_FILE) });
  }

  refuses(server: ServerPlan): string | undefined {
    const translation = this.#translate(server);
    if (!translation.ok) return translation.reason;
    const key = serviceKey(translation.value.service);
    const trouble = this.#troubles.get(key);
    if (trouble !== undefined && trouble.until > this.#options.nowMicros()) return trouble.reason;
    return this.#inventory.isForeign(key) ? `another program has made the service ${key} there` : undefined;
  }

  available(): Promise<Unavailable | undefined> {
    return this.#inOrder(async () => {
      const services = this.#inventory.read();
      return services.ok ? undefined : explainUnavailable(services.error);
    });
  }

  apply(plan: ForwardingPlan): Promise<ApplyResult> {
    return this.#inOrder(async () => {
      const started = this.#options.nowMicros();
      const result = this.#applyNow(plan);
      if (!result.ok) return result;
      if (this.#plan === undefined || !sameServers(this.#plan, plan)) await this.#writeCheckpoint(plan);
      this.#plan = plan;
      return { ...result, tookMicros: this.#options.nowMicros() - started };
    });
  }

  observe(): Promise<Observed> {
    return this.#inOrder(async () => {
      const nothing: Observed = { tables: "absent", lastPlan: undefined };
      const { kernel } = this.#options;
      const total = this.#inventory.owned.services.size + this.#inventory.owned.daemons.size;
      // Asking would load the module on a machine that does not use it.
      if (total === 0 || !kernel.ok) return nothing;
      const [services, daemons] = [this.#inventory.read(), kernel.value.daemons()];
      if (!services.ok || !daemons.ok) return nothing;
      const found =
        services.value.filter((service) => this.#inventory.isOurs(service)).length +
        daemons.value.filter(({ state }) => this.#inventory.owned.daemons.has(state)).length;
      if (found === 0) return nothing;
      const text = await readFile(this.#path(CHECKPOINT_FILE), "utf8").catch(() => "");
      return {
        tables: found === total ? "present" : "partial",
        lastPlan: this.#plan ?? decodeCheckpoint(text),
      };
    });
  }

  remove(): Promise<RemoveResult> {
    return this.#inOrder(async () => {
      const removed = this.#removeNow();
      if (removed.ok) await rm(this.#path(CHECKPOINT_FILE), { force: true });
      return removed;
    });
  }

  async close(): Promise<void> {
    await this.#last;
    if (this.#options.kernel.ok) this.#options.kernel.value.close();
  }

  #inOrder<Value>(work: () => Promise<Value>): Promise<Value> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  #translate(server: ServerPlan): Translation {
    const known = this.#translations.get(server);
    if (known !== undefined) return known;
    const translation = translateServer(server);
    this.#translations.set(server, translation);
    return translation;
  }

  #applyNow(plan: ForwardingPlan): Omit<ApplyResult & { ok: true }, "tookMicros"> | Failure {
    const { kernel } = this.#options;
    if (!kernel.ok) return failed(kernel.error);
    const services = this.#inventory.read();
    if (!services.ok) return failed(services.error);
    const wanted = this.#recorded(this.#wanted(plan));
    const observed = this.#observed(kernel.value, services.value, wanted);
    if (!observed.ok) return failed(observed.error);
    const changes = diffServices([...wanted.values()], observed.value);
    const repaired = this.#isDisturbed(wanted, observed.value);
    const isFirst = this.#applied === undefined;
    const errors = kernel.value.change(changes);
    for (const error of errors) this.#distrust(error, wanted);
    this.#applied = wanted;
    if (errors.length === 0) this.#inventory.own({ services: new Set(wanted.keys()) });
    this.#keepDaemons(kernel.value);
    return { ok: true, how: isFirst ? "ruleset" : howOf(changes), repaired };
  }

  /** What is wanted of the servers that IPVS can carry and nobody else has taken. */
  #wanted(plan: ForwardingPlan): Map<string, ServiceState> {
    const wanted = new Map<string, ServiceState>();
    for (const server of plan.servers) {
      const translation = this.#translate(server);
      if (!translation.ok) continue;
      const key = serviceKey(translation.value.service);
      if (!this.#inventory.isForeign(key)) wanted.set(key, translation.value);
    }
    return wanted;
  }

  /** Those of `wanted` that are written down as ours, so that they may be made. */
  #recorded(wanted: Map<string, ServiceState>): Map<string, ServiceState> {
    const services = new Set([...this.#inventory.owned.services, ...wanted.keys()]);
    const problem = this.#inventory.own({ services });
    if (problem === undefined) return wanted;
    const reason = `it cannot be recorded in ${this.#options.runDirectory}: ${problem}`;
    for (const key of wanted.keys()) {
      if (this.#inventory.owned.services.has(key)) continue;
      wanted.delete(key);
      this.#note(key, reason);
    }
    return wanted;
  }

  /** Our services as they are. Destinations that are not read are taken to be as they were left. */
  #observed(
    kernel: IpvsKernel,
    services: readonly IpvsService[],
    wanted: Wanted,
  ): KernelResult<readonly ServiceState[]> {
    const ours = services.filter((service) => this.#inventory.isOurs(service));
    const observed: ServiceState[] = [];
    for (const [index, service] of ours.entries()) {
      const key = serviceKey(service);
      const left = this.#applied?.get(key);
      const isInTurn = (index - this.#turn + ours.length) % ours.length < LOOKS;
      if (left !== undefined && left === wanted.get(key) && !isInTurn) {
        observed.push({ service, destinations: left.destinations });
        continue;
      }
      // The destinations of one that is not wanted go with it.
      const destinations = wanted.has(key) ? kernel.destinations(service) : NO_DESTINATIONS;
      if (!destinations.ok) return destinations;
      observed.push({ service, destinations: destinations.value });
    }
    this.#turn = ours.length === 0 ? 0 : (this.#turn + LOOKS) % ours.length;
    return { ok: true, value: observed };
  }

  /** Whether somebody changed what we left and still want. */
  #isDisturbed(wanted: Wanted, observed: readonly ServiceState[]): boolean {
    const left = [...(this.#applied ?? new Map<string, ServiceState>())].filter(([key]) => wanted.has(key));
    const kept = new Set(left.map(([key]) => key));
    const found = observed.filter(({ service }) => kept.has(serviceKey(service)));
    return (
      diffServices(
        left.map(([, state]) => state),
        found,
      ).length > 0
    );
  }

  /** A service that the kernel refuses is nothing that we know; whoever asks is told why. */
  #distrust({ change, ...error }: ChangeError, wanted: Map<string, ServiceState>): void {
    if ("daemon" in change) return;
    const key = serviceKey(change.service);
    // The first refusal is the reason for those after it.
    if (wanted.delete(key)) this.#note(key, describeError(error));
  }

  #note(key: string, reason: string): void {
    this.#troubles.set(key, { reason, until: this.#options.nowMicros() + TROUBLE_AGE });
  }

  /** The connections that the daemon would carry are not worth a failure. */
  #keepDaemons(kernel: IpvsKernel): void {
    const { sync, warn } = this.#options;
    if (sync === undefined && this.#inventory.owned.daemons.size === 0) return;
    const problem = keepDaemons(this.#daemonWork(kernel, sync));
    if (problem !== undefined && problem !== this.#warned) warn(problem);
    this.#warned = problem;
  }

  #daemonWork(kernel: IpvsKernel, sync: SyncOptions | undefined): DaemonWork {
    const own = (daemons: ReadonlySet<string>) => this.#inventory.own({ daemons });
    return { kernel, sync, owned: this.#inventory.owned.daemons, own };
  }

  #removeNow(): RemoveResult {
    const { kernel } = this.#options;
    this.#applied = undefined;
    this.#plan = undefined;
    if (this.#inventory.owned.services.size + this.#inventory.owned.daemons.size === 0) return { ok: true };
    if (!kernel.ok) return failed(kernel.error);
    const services = this.#inventory.read();
    if (!services.ok) return failed(services.error);
    const removals = services.value
      .filter((service) => this.#inventory.isOurs(service))
      .map((service) => ({ type: "remove-service" as const, service }));
    const [error] = kernel.value.change(removals);
    if (error !== undefined) return failed(error);
    const stuck =
      this.#inventory.owned.daemons.size === 0
        ? undefined
        : keepDaemons(this.#daemonWork(kernel.value, undefined));
    if (stuck !== undefined) return { ok: false, error: { code: "refused", message: stuck } };
    const unwritten = this.#inventory.own(OWNS_NOTHING);
    if (unwritten === undefined) return { ok: true };
    const message = `cannot write in ${this.#options.runDirectory}: ${unwritten}`;
    return { ok: false, error: { code: "files", message } };
  }

  /** Failing to write it costs a restart's memory of names, not forwarding. */
  async #writeCheckpoint(plan: ForwardingPlan): Promise<void> {
    const path = this.#path(CHECKPOINT_FILE);
    try {
      await writeFile(`${path}.new`, encodeCheckpoint(plan), { mode: 0o640 });
      await rename(`${path}.new`, path);
    } catch {
      await rm(path, { force: true }).catch(() => undefined);
    }
  }

  #path(name: string): string {
    return join(this.#options.runDirectory, name);
  }
}

const sameServers = (left: ForwardingPlan, right: ForwardingPlan): boolean =>
  left.servers.length === right.servers.length &&
  left.servers.every((server, index) => server === right.servers[index]);

const howOf = (changes: readonly IpvsChange[]): "unchanged" | "elements" | "ruleset" => {
  if (changes.length === 0) return "unchanged";
  const isWhole = changes.some(({ type }) => type === "add-service" || type === "remove-service");
  return isWhole ? "ruleset" : "elements";
};

/** The engine over a kernel, be it a real one. */
export const createIpvsEngine = (options: Options): BalanceEngine => new IpvsEngine(options);

/** The engine for the network namespace of the calling thread. Nothing is asked of IPVS before it is needed. */
export const openIpvsEngine = (options: IpvsEngineOptions): BalanceEngine => {
  const door = options.door ?? openDoor();
  const { runDirectory, sync, warn } = options;
  return createIpvsEngine({
    ...{ runDirectory, sync, warn },
    kernel: openIpvsSocket(door),
    nowMicros: () => door.monotonicMicros(),
  });
};
