/** Forwarding by nftables on Linux: rulesets through `nft -f FILE`, element changes through netlink. */
import { setImmediate as turn } from "node:timers/promises";
import type { LimitKey } from "#core/balance/limits";
import type { ForwardingPlan } from "#core/balance/plan-model";
import { diffPlans, type SetChange } from "#core/nftables/delta";
import { fillingOf } from "#core/nftables/filling";
import { rendered, renderRevision } from "#core/nftables/revision";
import { type Ruleset, TABLE_NAME, TABLES } from "#core/nftables/ruleset";
import { rulesetOf } from "#core/nftables/skeleton";
import { stagesOf } from "#core/nftables/stages";
import { REMOVAL, renderElements, renderReplacement, renderRuleset } from "#core/nftables/text";
import { type Door, openDoor } from "#native/door";
import type { ApplyResult, BalanceEngine, BalanceError, Observed, Pins, Unavailable } from "../port.ts";
import { holds, parseTableListing, type Readings } from "./contents.ts";
import { Counts } from "./counts.ts";
import { Loader } from "./loader.ts";
import { PinTable } from "./pins.ts";
import { explainUnavailable, FEATURE_PROBE } from "./probe.ts";
import { PlanRecord } from "./record.ts";
import { NetfilterSocket } from "./socket.ts";
import { Witness } from "./witness.ts";

export type EngineOptions = {
  /** `undefined` means the one of this machine. */
  readonly door?: Door;
  /** A directory that only we write to, on a file system that a reboot empties, such as /run/steelyard. */
  readonly runDirectory: string;
  /** The `nft` program; `nft` from PATH when `undefined`. */
  readonly nft?: string;
};

type Step = {
  readonly how: "unchanged" | "elements" | "ruleset";
  readonly repaired: boolean;
  readonly by?: string;
  readonly anew?: string;
};
type StepResult =
  | { readonly ok: true; readonly step: Step }
  | { readonly ok: false; readonly error: BalanceError };

/** Elements that one transaction may change, unless those of a single server are more. */
const ELEMENTS_AT_ONCE = 2_048;
/** Slots from which on a ruleset that is new is brought in step by step, since nft would take a long time and much memory. */
const FILL_FROM = 65_536;

/** Puts small batches together up to about as many elements as take the kernel some milliseconds. */
function* gather(batches: Iterable<readonly SetChange[]>): Generator<readonly SetChange[]> {
  let gathered: SetChange[] = [];
  let elements = 0;
  for (const changes of batches) {
    gathered.push(...changes);
    elements += changes.reduce((sum, { add, remove }) => sum + add.length + remove.length, 0);
    if (elements < ELEMENTS_AT_ONCE) continue;
    yield gathered;
    gathered = [];
    elements = 0;
  }
  if (gathered.length > 0) yield gathered;
}

class LinuxEngine implements BalanceEngine {
  readonly name = "nftables";
  readonly passesOn = false;
  readonly #options: EngineOptions & { readonly door: Door };
  readonly #loader: Loader;
  #socket: NetfilterSocket | undefined;
  /** The plan that runs as far as we know. */
  #applied: ForwardingPlan | undefined;
  /** The generation right after our last change; `undefined` when somebody may have been in between. */
  #generation: number | undefined;
  /** The interfaces of the plan that runs, with the indexes that its rules hold. */
  #devices: ReadonlyMap<string, number | undefined> = new Map();
  readonly #record: PlanRecord;
  readonly #witness: Witness;
  readonly #pins: PinTable;
  readonly #counts: Counts;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: EngineOptions) {
    this.#options = { ...options, door: options.door ?? openDoor() };
    this.#loader = new Loader(options.nft ?? "nft", options.runDirectory);
    this.#record = new PlanRecord(options.runDirectory);
    const socket = NetfilterSocket.open(this.#options.door);
    this.#socket = socket instanceof NetfilterSocket ? socket : undefined;
    this.#counts = new Counts(this.#socket);
    this.#witness = new Witness(this.#options.door);
    this.#pins = new PinTable(this.#options.door, (change) => this.#changePins(change));
  }

  get pins(): Pins {
    return this.#pins;
  }

  refuses(): undefined {
    return undefined;
  }

  watch(onTouched: () => void): void {
    this.#witness.watch(onTouched);
  }

  available(): Promise<Unavailable | undefined> {
    return this.#inOrder(async () => {
      const generation = this.#socket?.generation() ?? { code: "EPROTONOSUPPORT" };
      const probe = typeof generation === "number" ? await this.#loader.check(FEATURE_PROBE) : undefined;
      if (probe?.ok === true) return undefined;
      // Only what went wrong is worth another program's start.
      return explainUnavailable(generation, await this.#loader.run(["--version"]), probe);
    });
  }

  apply(plan: ForwardingPlan): Promise<ApplyResult> {
    return this.#inOrder(async () => {
      const started = this.#options.door.monotonicMicros();
      const result = await this.#applyNow(plan);
      const tookMicros = this.#options.door.monotonicMicros() - started;
      if (!result.ok) return result;
      const record = this.#record;
      if (result.step.how !== "unchanged" || record.unsaved !== undefined) await record.save(plan);
      await this.#seal();
      const unsaved = record.unsaved === undefined ? {} : { unsaved: record.unsaved };
      return { ok: true, ...result.step, tookMicros, ...unsaved };
    });
  }

  observe(): Promise<Observed> {
    return this.#inOrder(async () => {
      await this.#adopt();
      if (this.#applied !== undefined && this.#socket?.generation() === this.#generation)
        return { tables: "present", lastPlan: this.#applied };
      const readings = await this.#read();
      const found = TABLES.filter((family) => readings[family] !== undefined).length;
      if (found === 0) return { tables: "absent", lastPlan: undefined };
      const whole =
        found === TABLES.length && (this.#applied === undefined || holds(this.#applied, readings));
      return {
        tables: whole ? "present" : "partial",
        lastPlan: this.#applied ?? (await this.#record.plan()),
      };
    });
  }

  remove(): Promise<{ readonly ok: true } | { readonly ok: false; readonly error: BalanceError }> {
    return this.#inOrder(async () => {
      this.#witness.pause();
      const failed = await this.#loader.load(() => [REMOVAL], "ruleset");
      if (failed !== undefined) return { ok: false, error: failed };
      this.#applied = undefined;
      this.#generation = undefined;
      await this.#record.remove();
      await this.#loader.forget();
      return { ok: true };
    });
  }

  keptOut(): Promise<ReadonlyMap<LimitKey, number>> {
    return this.#inOrder(async () => this.#counts.keptOut(this.#applied));
  }

  /** Read between two changes: each is over before anything else can ask. */
  counts(): Readonly<Record<string, number>> {
    return this.#applied === undefined ? {} : this.#counts.traffic(this.#applied);
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#pins.close();
    this.#socket?.close();
    this.#socket = undefined;
    this.#witness.close();
  }

  #inOrder<Value>(work: () => Promise<Value>): Promise<Value> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Takes what another run of the program left for what runs, if nobody has touched it since. */
  async #adopt(): Promise<void> {
    if (this.#applied !== undefined) return;
    const generation = this.#socket?.generation();
    if (typeof generation !== "number") return;
    const plan = await this.#record.intact((left) => ({ generation, devices: this.#devicesOf(left) }));
    if (plan === undefined) return;
    this.#applied = plan;
    this.#counts.adopt(plan);
    this.#devices = this.#devicesOf(plan);
    this.#generation = generation;
  }

  #seal(): Promise<void> {
    const generation = this.#generation;
    return this.#record.seal(generation === undefined ? undefined : { generation, devices: this.#devices });
  }

  async #applyNow(plan: ForwardingPlan): Promise<StepResult> {
    await this.#adopt();
    const { readings, touched, by } = await this.#lookAround();
    const repaired =
      this.#applied !== undefined &&
      (touched || this.#hasStaleDevice() || (readings !== undefined && !holds(this.#applied, readings)));
    if (this.#applied !== undefined && !repaired) {
      const delta = diffPlans(this.#applied, plan);
      if (delta.type === "none") {
        this.#applied = plan;
        return { ok: true, step: { how: "unchanged", repaired } };
      }
      this.#counts.beforeChange(this.#applied, plan);
      if (delta.type === "elements" && (await this.#unwitnessed(() => this.#changeElements(delta.batches)))) {
        this.#applied = plan;
        return { ok: true, step: { how: "elements", repaired } };
      }
      if (delta.type === "ruleset" && (await this.#unwitnessed(() => this.#revise(plan))))
        return { ok: true, step: { how: "ruleset", repaired } };
    }
    const found = readings ?? (await this.#read());
    const result = await this.#unwitnessed(() => this.#replaceRuleset(plan, found, repaired));
    return result.ok && repaired && by !== undefined ? { ok: true, step: { ...result.step, by } } : result;
  }

  /** What others have done since our last change; `readings` when that has to be found out by comparing. */
  async #lookAround(): Promise<{
    readonly readings?: Readings;
    readonly touched: boolean;
    readonly by?: string;
  }> {
    const generation = this.#socket?.generation();
    const isKnown = typeof generation === "number";
    if (this.#applied !== undefined && isKnown && generation === this.#generation) return { touched: false };
    const { complete, ...testimony } = this.#witness.ask();
    const wasKnown = this.#generation !== undefined;
    this.#generation = isKnown ? generation : undefined;
    if (complete && wasKnown && this.#applied !== undefined && isKnown) return testimony;
    return { ...testimony, readings: await this.#read() };
  }

  /** Has ourselves overheard by nobody, and whatever others do from then on. */
  async #unwitnessed<Value>(change: () => Promise<Value>): Promise<Value> {
    this.#witness.pause();
    try {
      return await change();
    } finally {
      this.#witness.ask();
      this.#witness.listen();
      // Somebody was quicker: what it was must be found by comparing.
      if (this.#socket?.generation() !== this.#generation) this.#generation = undefined;
    }
  }

  /** What of it is done when something fails is found as it is by the ruleset that follows. */
  async #changeElements(batches: Iterable<readonly SetChange[]>): Promise<boolean> {
    let generation = this.#generation;
    for (const changes of gather(batches)) {
      if (this.#socket === undefined || this.#socket.change(changes) !== undefined) return false;
      if (generation !== undefined) generation += 1;
      // When a node dies, hundreds of servers change: checks and the lease must not wait for all of them.
      await turn();
    }
    this.#generation = this.#socket?.generation() === generation ? generation : undefined;
    return true;
  }

  /** A small change of our own between two plans. What others have done meanwhile is left for `apply` to find. */
  #changePins(change: SetChange): Promise<string | undefined> {
    return this.#inOrder(async () => {
      const socket = this.#socket;
      if (socket === undefined || this.#applied === undefined) return "nothing is forwarded yet";
      this.#witness.pause();
      const before = socket.generation();
      const failed = socket.change([change]);
      this.#witness.listen();
      const generation = socket.generation();
      const isAlone = typeof before === "number" && generation === before + (failed === undefined ? 1 : 0);
      if (!isAlone) this.#generation = undefined;
      else if (before === this.#generation) this.#generation = generation;
      await this.#seal();
      return failed === undefined ? undefined : (failed.detail ?? failed.code);
    });
  }

  /** Changes what differs of the ruleset, server by server where that is much; gives whether it has come to the end. */
  async #revise(plan: ForwardingPlan): Promise<boolean> {
    if (this.#applied === undefined) return false;
    let running = rendered(this.#applied);
    for (const stage of stagesOf(running.plan, plan)) {
      const next = rendered(stage);
      const revision = renderRevision(running, next);
      const before = this.#socket?.generation();
      const error = revision === undefined ? revision : await this.#loader.load(() => revision, "change");
      if (revision === undefined || error !== undefined) return false;
      running = next;
      this.#run(stage, before, 1);
    }
    return true;
  }

  /** Takes note of the plan that runs; `before` is the generation before so many transactions of ours. */
  #run(
    plan: ForwardingPlan,
    before: number | { readonly code: string } | undefined,
    transactions: number,
  ): void {
    this.#applied = plan;
    this.#devices = this.#devicesOf(plan);
    const generation = this.#socket?.generation();
    const isAlone = typeof before === "number" && generation === before + transactions;
    this.#generation = isAlone ? generation : undefined;
  }

  async #replaceRuleset(plan: ForwardingPlan, readings: Readings, repaired: boolean): Promise<StepResult> {
    const ruleset = rulesetOf(plan);
    const before = this.#socket?.generation();
    const isNew = readings.inet === undefined && readings.netdev === undefined;
    const steps = isNew && slotsOf(plan) > FILL_FROM ? await this.#fill(ruleset) : undefined;
    const filled = steps !== undefined;
    const render = isNew ? () => renderRuleset(ruleset) : () => renderReplacement(ruleset, readings);
    const failed = filled ? undefined : await this.#loader.load(render, "ruleset");
    // Something that has our names but not our shape is in the way: then nothing of it is kept.
    const isInTheWay = !isNew && failed?.code === "refused";
    const error = isInTheWay ? await this.#loader.load(() => renderRuleset(ruleset), "ruleset") : failed;
    if (error !== undefined) return { ok: false, error };
    this.#counts.ringsAnew();
    this.#run(plan, before, steps ?? 1);
    const anew = isInTheWay && failed !== undefined ? { anew: failed.message } : {};
    return { ok: true, step: { how: "ruleset", repaired, ...anew } };
  }

  /**
   * Brings a large ruleset in step by step; gives the number of transactions that it took, or `undefined` when something went
   * wrong: the whole of it can still replace what is there then.
   */
  async #fill(ruleset: Ruleset): Promise<number | undefined> {
    const { frame, contents, entrances } = fillingOf(ruleset);
    if ((await this.#loader.load(() => renderRuleset(frame), "ruleset")) !== undefined) return undefined;
    let transactions = 2;
    for (const change of contents) {
      if (this.#socket === undefined || this.#socket.change([change]) !== undefined) return undefined;
      transactions += 1;
      await turn();
    }
    return (await this.#loader.feed(renderElements(entrances))).ok ? transactions : undefined;
  }

  /** An interface that was made anew has another index and no hook, though its name is the same. */
  #hasStaleDevice(): boolean {
    return [...this.#devices].some(([name, index]) => this.#socket?.interfaceIndex(name) !== index);
  }

  #devicesOf(plan: ForwardingPlan): ReadonlyMap<string, number | undefined> {
    const names = new Set(plan.ingress);
    for (const { mode, backends } of plan.servers) {
      if (mode === "dsr") for (const { device } of backends) if (device !== undefined) names.add(device);
    }
    return new Map([...names].map((name) => [name, this.#socket?.interfaceIndex(name)]));
  }

  async #read(): Promise<Readings> {
    const [inet, netdev] = await Promise.all(
      TABLES.map(async (family) => {
        // On a machine without any, two programs need not be started to say so.
        if (this.#socket?.isTableMissing(family) === true) return undefined;
        const listing = await this.#loader.run(["-j", "-t", "list", "table", family, TABLE_NAME]);
        return listing.ok ? parseTableListing(listing.output) : undefined;
      }),
    );
    return { inet, netdev };
  }
}

const slotsOf = ({ servers }: ForwardingPlan): number =>
  servers.reduce((sum, { slots }) => sum + slots.length, 0);

/** The engine for the network namespace of the calling thread. */
export const openEngine = (options: EngineOptions): BalanceEngine => new LinuxEngine(options);
