/**
 * Several engines as one: the chosen one carries what it can, nftables the rest and, beneath an engine that passes
 * packets on, everything.
 *
 * What the chosen engine cannot do is never a failure: its servers fall back to nftables, with the reason. What an
 * earlier run of the program left in an engine that is no longer chosen is removed once its servers are carried anew.
 */
import { after, type Duration, type Instant, seconds } from "#base/time";
import type { LimitKey } from "#core/balance/limits";
import type { Carrier, EngineName } from "#core/balance/model";
import type { ForwardingPlan, ServerPlan } from "#core/balance/plan-model";
import { particularity, portsOverlap } from "#core/balance/ports";
import type {
  ApplyResult,
  BalanceEngine,
  Balancer,
  Observed,
  Pins,
  RemoveResult,
  Unavailable,
} from "./port.ts";

/** Pause before an engine that failed or was not available is tried again. */
const RETRY: Duration = seconds(60);

export type EnginesOptions = {
  /** Carries whatever the chosen one does not. */
  readonly nftables: BalanceEngine;
  /** The others that this program knows. */
  readonly others: readonly BalanceEngine[];
  readonly chosen: EngineName;
  readonly now: () => Instant;
};

/** Why the chosen engine carries nothing for now. */
type Trouble = { readonly reason: string; readonly until: Instant };

type Shares = { readonly chosen: ForwardingPlan; readonly nftables: ForwardingPlan };

const STRENGTH: readonly (ApplyResult & { ok: true })["how"][] = ["unchanged", "elements", "ruleset"];

/** What several applications that succeeded come to. */
const join = (results: readonly (ApplyResult & { ok: true })[]): ApplyResult => {
  const unsaved = results.find((result) => result.unsaved !== undefined)?.unsaved;
  const by = results.find((result) => result.by !== undefined)?.by;
  const anew = results.find((result) => result.anew !== undefined)?.anew;
  return {
    ok: true,
    how: STRENGTH[Math.max(...results.map(({ how }) => STRENGTH.indexOf(how)))] ?? "unchanged",
    repaired: results.some(({ repaired }) => repaired),
    tookMicros: results.reduce((sum, { tookMicros }) => sum + tookMicros, 0),
    ...(by === undefined ? {} : { by }),
    ...(anew === undefined ? {} : { anew }),
    ...(unsaved === undefined ? {} : { unsaved }),
  };
};

const only = (plan: ForwardingPlan, servers: readonly ServerPlan[]): ForwardingPlan => ({
  ...plan,
  ingress: servers.some(({ mode }) => mode === "dsr") ? plan.ingress : [],
  servers,
});

const byName = (left: ServerPlan, right: ServerPlan): number => (left.name < right.name ? -1 : 1);

/** Whether there is anything in it for nftables to do. */
const isForNftables = ({ servers, unaccepted }: ForwardingPlan): boolean =>
  servers.length > 0 || unaccepted !== undefined;

/** Both plans as one; where both have a server, the first one's. The rest is the first one's. */
const union = (first: ForwardingPlan, second: ForwardingPlan): ForwardingPlan => {
  const known = new Set(first.servers.map(({ name }) => name));
  return {
    ...first,
    ingress: [...new Set([...first.ingress, ...second.ingress])].sort(),
    servers: [...first.servers, ...second.servers.filter(({ name }) => !known.has(name))].sort(byName),
  };
};

/**
 * nftables sees packets before an engine beside it does: where it has a range of ports, it takes all of them. So the
 * more particular servers of that address go with it; by name, why.
 */
const overlapsOf = (its: readonly ServerPlan[], rest: readonly ServerPlan[]): ReadonlyMap<string, string> => {
  const wide = rest.filter(({ ports }) => particularity(ports) !== "one");
  const overlaps = new Map<string, string>();
  if (wide.length === 0) return overlaps;
  for (const { name, address, protocol, ports } of its) {
    const over = wide.find(
      (other) => other.address === address && other.protocol === protocol && portsOverlap(other.ports, ports),
    );
    if (over !== undefined) overlaps.set(name, `nftables carries ${over.name}, whose ports include its own`);
  }
  return overlaps;
};

const NOTHING: ForwardingPlan = { ingress: [], servers: [] };
const NO_PINS: Pins = {
  read: async () => undefined,
  write: async () => "the engine tells no pins",
};
const UNCHANGED = { ok: true, how: "unchanged", repaired: false, tookMicros: 0 } as const;

class Engines implements Balancer {
  readonly #options: EnginesOptions;
  readonly #chosen: BalanceEngine | undefined;
  #trouble: Trouble | undefined;
  #proven = false;
  /** Whether nftables may hold something; `undefined` before it was looked at. */
  #nftablesUsed: boolean | undefined;
  /** What the chosen engine was given last, be it by an earlier run of the program. */
  #given: ForwardingPlan = NOTHING;
  /** Servers of the plan applied last that nftables carries because it takes their packets anyway, and why. */
  #overlaps: ReadonlyMap<string, string> = new Map();
  /** Engines that are not chosen and may hold something of an earlier run. */
  #strange: readonly BalanceEngine[];
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: EnginesOptions) {
    this.#options = options;
    this.#chosen = options.others.find(({ name }) => name === options.chosen);
    this.#strange = options.others.filter((engine) => engine !== this.#chosen);
  }

  /** An engine that carries its servers alone needs nftables for those alone that it refuses. */
  async available(): Promise<Unavailable | undefined> {
    const chosen = this.#chosen;
    const unavailable = await this.#options.nftables.available();
    if (unavailable === undefined || chosen === undefined || chosen.passesOn) return unavailable;
    return (await chosen.available()) === undefined ? undefined : unavailable;
  }

  apply(plan: ForwardingPlan): Promise<ApplyResult> {
    return this.#inOrder(async () => {
      const applied = await this.#apply(plan);
      if (applied.ok) await this.#removeStrange();
      return applied;
    });
  }

  observe(): Promise<Observed> {
    return this.#inOrder(async () => {
      const engines = [this.#options.nftables, ...this.#options.others];
      const seen = await Promise.all(engines.map((engine) => engine.observe()));
      const left = seen.find((_, index) => engines[index] === this.#chosen)?.lastPlan;
      if (this.#given === NOTHING && left !== undefined) this.#given = left;
      const tables = seen.map((observed) => observed.tables);
      const plans = seen.flatMap(({ lastPlan }) => (lastPlan === undefined ? [] : [lastPlan]));
      const isThere = tables.some((state) => state !== "absent");
      if (tables[0] === "absent") this.#nftablesUsed ??= false;
      // An engine that passes packets on is of no use without what it passes them to.
      const isBottomless = isThere && this.#chosen?.passesOn === true && tables[0] === "absent";
      const isPartial = isBottomless || tables.includes("partial");
      return {
        tables: isPartial ? "partial" : isThere ? "present" : "absent",
        lastPlan: plans.length === 0 ? undefined : plans.reduce(union),
      };
    });
  }

  remove(): Promise<RemoveResult> {
    return this.#inOrder(async () => {
      this.#given = NOTHING;
      let result: RemoveResult = { ok: true };
      const nftables = this.#nftablesUsed === false ? [] : [this.#options.nftables];
      for (const engine of [...this.#options.others, ...nftables]) {
        const removed = await engine.remove();
        if (!removed.ok) result = removed;
      }
      return result;
    });
  }

  async close(): Promise<void> {
    await this.#last;
    await Promise.all([this.#options.nftables, ...this.#options.others].map((engine) => engine.close()));
  }

  get pins(): Pins {
    return this.#options.nftables.pins ?? NO_PINS;
  }

  watch(onTouched: () => void): void {
    this.#options.nftables.watch?.(onTouched);
    this.#chosen?.watch?.(onTouched);
  }

  async keptOut(): Promise<ReadonlyMap<LimitKey, number>> {
    return (await this.#options.nftables.keptOut?.()) ?? new Map();
  }

  counts(): Readonly<Record<string, number>> {
    return { ...this.#options.nftables.counts?.(), ...this.#chosen?.counts?.() };
  }

  carrier(server: ServerPlan): Carrier {
    const chosen = this.#chosen;
    if (chosen === undefined) return { engine: "nftables" };
    const because = this.#trouble?.reason ?? chosen.refuses(server) ?? this.#overlaps.get(server.name);
    return because === undefined
      ? { engine: chosen.name }
      : { engine: "nftables", because: `${chosen.name}: ${because}` };
  }

  async #apply(plan: ForwardingPlan): Promise<ApplyResult> {
    const { nftables } = this.#options;
    const chosen = this.#chosen;
    if (chosen === undefined) {
      this.#nftablesUsed = true;
      return nftables.apply(plan);
    }
    await this.#examine(chosen);
    const shares = this.#share(plan, chosen);
    if (chosen.passesOn || isForNftables(shares.nftables)) this.#nftablesUsed = true;
    return chosen.passesOn ? this.#applyAbove(chosen, shares) : this.#applyBeside(chosen, plan, shares);
  }

  /** The servers beneath are complete before packets are taken away from them, and an engine above may fail. */
  async #applyAbove(chosen: BalanceEngine, shares: Shares): Promise<ApplyResult> {
    const beneath = await this.#options.nftables.apply(shares.nftables);
    if (!beneath.ok) return beneath;
    const above = await this.#give(chosen, shares.chosen);
    return above.ok ? join([beneath, above]) : this.#distrust(chosen, above.error.message, beneath);
  }

  /**
   * A server that changes sides is carried by both for a moment, never by none. What the chosen engine can carry shows
   * when it tries: a server that it turned down goes to nftables in the same application.
   */
  async #applyBeside(chosen: BalanceEngine, plan: ForwardingPlan, hoped: Shares): Promise<ApplyResult> {
    const both = union(hoped.chosen, this.#given);
    const beside = await this.#give(chosen, both);
    const isBroken = !beside.ok;
    const shares = isBroken ? hoped : this.#share(plan, chosen);
    if (isForNftables(shares.nftables)) this.#nftablesUsed = true;
    const rest = isBroken ? union(shares.nftables, shares.chosen) : shares.nftables;
    if (isBroken) this.#nftablesUsed = true;
    const nftables = this.#nftablesUsed === false ? UNCHANGED : await this.#options.nftables.apply(rest);
    if (!nftables.ok) return nftables;
    if (isBroken) return this.#distrust(chosen, beside.error.message, nftables);
    if (both.servers.length === shares.chosen.servers.length) return join([beside, nftables]);
    const final = await this.#give(chosen, shares.chosen);
    return final.ok ? join([beside, nftables, final]) : final;
  }

  /** A chosen engine that has nothing to carry and never had is left alone. */
  async #give(chosen: BalanceEngine, share: ForwardingPlan): Promise<ApplyResult> {
    if (share.servers.length === 0 && this.#given.servers.length === 0) return UNCHANGED;
    const applied = await chosen.apply(share);
    if (applied.ok) this.#given = share;
    return applied;
  }

  /** The chosen engine has failed at its work: nftables carries all, and it gets another chance later. */
  async #distrust(
    chosen: BalanceEngine,
    reason: string,
    carried: ApplyResult & { ok: true },
  ): Promise<ApplyResult> {
    this.#trouble = { reason, until: after(this.#options.now(), RETRY) };
    this.#given = NOTHING;
    const removed = await chosen.remove();
    return removed.ok ? carried : removed;
  }

  async #examine(chosen: BalanceEngine): Promise<void> {
    if (this.#trouble !== undefined && this.#trouble.until <= this.#options.now()) {
      this.#trouble = undefined;
      this.#proven = false;
    }
    if (this.#proven || this.#trouble !== undefined) return;
    const unavailable = await chosen.available();
    this.#proven = unavailable === undefined;
    if (unavailable === undefined) return;
    const reason = `${unavailable.detail}; ${unavailable.remedy}`;
    this.#trouble = { reason, until: after(this.#options.now(), RETRY) };
  }

  #share(plan: ForwardingPlan, chosen: BalanceEngine): Shares {
    if (this.#trouble !== undefined) return { chosen: NOTHING, nftables: plan };
    const [its, rest]: [ServerPlan[], ServerPlan[]] = [[], []];
    for (const server of plan.servers) (chosen.refuses(server) === undefined ? its : rest).push(server);
    if (chosen.passesOn) return { chosen: only(plan, its), nftables: plan };
    this.#overlaps = overlapsOf(its, rest);
    const kept = its.filter(({ name }) => !this.#overlaps.has(name));
    const keptNames = new Set(kept.map(({ name }) => name));
    const left = plan.servers.filter(({ name }) => !keptNames.has(name));
    return { chosen: only(plan, kept), nftables: kept.length === 0 ? plan : only(plan, left) };
  }

  async #removeStrange(): Promise<void> {
    const strange = this.#strange;
    this.#strange = [];
    for (const engine of strange) {
      const { tables } = await engine.observe();
      if (tables !== "absent") await engine.remove();
    }
  }

  #inOrder<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

/** The engines behind one port. */
export const openEngines = (options: EnginesOptions): Balancer => new Engines(options);
