/**
 * Keeps the kernel's forwarding at what is wanted: plans, applies, and plans again when something changed meanwhile.
 *
 * One application runs at a time; changes that come while it runs are taken together by the next. What an earlier run
 * of the program left in the kernel is where the first plan starts from, so that its flows stay where they are. When the kernel
 * tells of somebody who has been at our tables, and once a second anyway, the engine looks and makes them whole again.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { IpAddress } from "#base/address";
import { after, earliest, type Instant, micros, millis, seconds } from "#base/time";
import type { BackendKey, Carrier, VirtualServer } from "#core/balance/model";
import { type Links, planDeadline, planSteps } from "#core/balance/plan";
import { EMPTY_PLAN, type ForwardingPlan, type Reported } from "#core/balance/plan-model";
import type { Event } from "#core/observation/event";
import type { ApplyResult, Balancer } from "#drivers/balance/port";
import type { Clock, Deadlines } from "#runtime/deadlines";

/** Pause before an application that failed is tried again. */
const RETRY = seconds(2);
/** Pause between two looks at whether our tables are still whole. */
const GUARD = seconds(1);
/** How long planning goes on in one turn of the event loop. */
const TURN = millis(10);
const DEADLINE_ID = "forwarding";
/** Whoever changes rules often changes many, one after the other. */
const TOUCHED = millis(20);
const TOUCHED_ID = "forwarding touched";

export type Forwarding = {
  /** Something that a plan depends on has changed: of one server only, when it is given by name. */
  update(server?: string): void;
  /** The same for what changes all the time: when it is applied, that is no event. */
  refresh(server: string): void;
  /** Whether an earlier run's forwarding is whole in the kernel, so that traffic may come before any plan is applied. */
  isInherited(): Promise<boolean>;
  /** Resolves when nothing waits to be applied. */
  settled(): Promise<void>;
  /** Why the last application failed; `undefined` when it did not. */
  failure(): string | undefined;
  /** Applies nothing any more, and leaves what is there. */
  leave(): Promise<void>;
  /** Removes everything of ours from the kernel; nothing is applied any more. */
  remove(): Promise<void>;
};

/** What a plan is made from, read anew each time. */
export type ForwardingInputs = {
  readonly servers: () => readonly VirtualServer[];
  readonly availability: (key: BackendKey) => Reported;
  /** Open flows of a backend when they were last counted. */
  readonly load?: (key: BackendKey) => number;
  /** The interfaces on which traffic for a virtual address arrives. */
  readonly ingress: (address: IpAddress) => readonly string[];
  readonly egress: Links["egress"];
  /** Which virtual address masqueraded connections come from. */
  readonly source: NonNullable<Links["source"]>;
  /** Addresses of which programs on this box get no packets; `undefined` means none. */
  readonly unaccepted?: () => readonly IpAddress[];
  /** Whether this edge holds a virtual address now. */
  readonly isHeld: (address: IpAddress) => boolean;
};

type Parts = {
  readonly inputs: ForwardingInputs;
  readonly engine: Balancer;
  readonly clock: Pick<Clock, "now">;
  readonly deadlines: Deadlines;
  readonly emit: (event: Event) => void;
  /** A plan has come into force; called again when it still is. */
  readonly onApplied?: (plan: ForwardingPlan) => void;
};

/** What ran before the first plan. */
type Found = { readonly plan: ForwardingPlan; readonly tables: boolean; readonly whole: boolean };

const BY_NFTABLES: Carrier = { engine: "nftables" };
const NOTHING_TO_DO: ApplyResult = { ok: true, how: "unchanged", repaired: false, tookMicros: 0 };

class EngineForwarding implements Forwarding {
  readonly #parts: Parts;
  #found: Found | undefined;
  #plan: ForwardingPlan | undefined;
  /** The servers for which the plan may no longer be what is wanted. */
  #stale: Set<string> | "all" | undefined;
  /** Whether something has changed that does not change all the time. */
  #worthSaying = false;
  #dirty = false;
  #closed = false;
  /** Whether the engine was asked to change anything. */
  #touched = false;
  #running: Promise<void> | undefined;
  #failure: string | undefined;
  #unsaved: string | undefined;
  /** Who carries a server, by its name, where it is not simply nftables. */
  #carriers = new Map<string, Carrier>();

  constructor(parts: Parts) {
    this.#parts = parts;
    parts.engine.watch?.(() => this.#onTouched());
  }

  update(server?: string): void {
    this.#worthSaying = true;
    this.#replan(server);
  }

  refresh(server: string): void {
    this.#replan(server);
  }

  #replan(server: string | undefined): void {
    if (server === undefined || this.#stale === "all") this.#stale = "all";
    else this.#stale = (this.#stale ?? new Set()).add(server);
    this.#start();
  }

  async isInherited(): Promise<boolean> {
    this.#found ??= await this.#lookBack();
    return this.#found.whole;
  }

  async settled(): Promise<void> {
    await this.#running;
  }

  failure(): string | undefined {
    return this.#failure;
  }

  async leave(): Promise<void> {
    this.#closed = true;
    this.#dirty = false;
    await this.#running;
    this.#schedule(undefined);
    this.#parts.deadlines.set(TOUCHED_ID, undefined, () => {});
  }

  async remove(): Promise<void> {
    await this.leave();
    if (this.#isUntouched()) return;
    const { engine, emit } = this.#parts;
    const result = await engine.remove();
    if (result.ok) emit({ type: "forwarding-applied", how: "removed", took: micros(0) });
    else emit({ type: "forwarding-failed", detail: result.error.message });
  }

  #start(): void {
    if (this.#closed) return;
    this.#dirty = true;
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    while (this.#dirty) {
      this.#dirty = false;
      await this.#apply();
    }
    this.#running = undefined;
  }

  async #apply(): Promise<void> {
    const { engine, clock, emit } = this.#parts;
    this.#found ??= await this.#lookBack();
    const worthSaying = this.#worthSaying;
    this.#worthSaying = false;
    const next = await this.#next(this.#found);
    if (this.#closed) return;
    const started = clock.now();
    const idle = next.servers.length === 0 && next.unaccepted === undefined && this.#isUntouched();
    if (!idle) this.#touched = true;
    const result = idle ? NOTHING_TO_DO : await engine.apply(next);
    const now = clock.now();
    if (!result.ok) {
      this.#stale = "all";
      this.#worthSaying = true;
      this.#schedule(after(now, RETRY));
      const { message } = result.error;
      if (this.#failure !== message) emit({ type: "forwarding-failed", detail: message });
      this.#failure = message;
      return;
    }
    this.#sayUnsaved(result.unsaved);
    const isChange = result.how === "elements" ? worthSaying || result.repaired : result.how !== "unchanged";
    const isNews = this.#plan === undefined || this.#failure !== undefined || isChange;
    this.#plan = next;
    this.#failure = undefined;
    this.#parts.onApplied?.(next);
    this.#schedule(idle ? undefined : earliest(planDeadline(next), after(now, GUARD)));
    if (!isNews) return;
    const took = micros(now - started);
    const by = result.by === undefined ? {} : { by: result.by };
    const repaired = result.repaired ? { repaired: true as const, ...by } : {};
    const anew = result.anew === undefined ? {} : { anew: result.anew };
    emit({ type: "forwarding-applied", how: result.how, took, ...repaired, ...anew });
    this.#sayCarriers(next);
  }

  /** Forwarding goes on without it; only a restart would miss it. */
  #sayUnsaved(unsaved: string | undefined): void {
    if (unsaved === this.#unsaved) return;
    this.#unsaved = unsaved;
    const change = unsaved === undefined ? "ready" : "degraded";
    const detail =
      unsaved === undefined
        ? "the record for a restart is written again"
        : `no record for a restart: ${unsaved}`;
    this.#parts.emit({ type: "process", part: "wire", change, detail });
  }

  /** Who carries each server, where it is not who carried it before: at first that is nftables. */
  #sayCarriers({ servers }: ForwardingPlan): void {
    const { engine, emit } = this.#parts;
    const before = this.#carriers;
    this.#carriers = new Map();
    for (const server of servers) {
      const carrier = engine.carrier(server);
      const known = before.get(server.name) ?? BY_NFTABLES;
      if (carrier.engine !== BY_NFTABLES.engine || carrier.because !== undefined) {
        this.#carriers.set(server.name, carrier);
      }
      if (carrier.engine === known.engine && carrier.because === known.because) continue;
      const detail = carrier.because === undefined ? {} : { detail: carrier.because };
      emit({ type: "server-engine", server: server.name, engine: carrier.engine, ...detail });
    }
  }

  #onTouched(): void {
    const { clock, deadlines } = this.#parts;
    if (this.#closed || this.#plan === undefined) return;
    deadlines.set(TOUCHED_ID, after(clock.now(), TOUCHED), () => this.#start());
  }

  async #lookBack(): Promise<Found> {
    const { tables, lastPlan } = await this.#parts.engine.observe();
    const whole = tables === "present" && lastPlan !== undefined;
    return { plan: lastPlan ?? EMPTY_PLAN, tables: tables !== "absent", whole };
  }

  /**
   * What changes while it plans is planned for in the next application; only another configuration, to which the answers
   * belong from then on, makes it begin anew.
   */
  async #next(found: Found): Promise<ForwardingPlan> {
    if (this.#plan !== undefined && this.#stale === undefined) return this.#plan;
    const touched = this.#plan === undefined || this.#stale === "all" ? undefined : this.#stale;
    this.#stale = undefined;
    const { inputs, clock } = this.#parts;
    const servers = inputs.servers();
    const steps = planSteps({
      servers,
      availability: inputs.availability,
      ...(inputs.load === undefined ? {} : { load: inputs.load }),
      links: { ingress: inputs.ingress, egress: inputs.egress, source: inputs.source },
      isHeld: inputs.isHeld,
      unaccepted: inputs.unaccepted?.() ?? [],
      previous: this.#plan ?? found.plan,
      ...(touched === undefined ? {} : { touched }),
      now: clock.now(),
    });
    let limit = after(clock.now(), TURN);
    for (;;) {
      const { done, value } = steps.next();
      if (done === true) return value;
      if (clock.now() < limit) continue;
      await nextTurn();
      if (inputs.servers() !== servers) {
        this.#stale = "all";
        return this.#next(found);
      }
      limit = after(clock.now(), TURN);
    }
  }

  /** Whether the kernel has nothing of ours: then a machine that only holds addresses needs no nftables. */
  #isUntouched(): boolean {
    return this.#found?.tables !== true && !this.#touched;
  }

  #schedule(at: Instant | undefined): void {
    this.#parts.deadlines.set(DEADLINE_ID, at, this.#onTimer);
  }

  readonly #onTimer = (now: Instant): void => {
    const due = this.#plan === undefined ? undefined : planDeadline(this.#plan);
    if (due !== undefined && due <= now) {
      this.#stale = "all";
      this.#worthSaying = true;
    }
    this.#start();
  };
}

/** Applies nothing until the first `update`. */
export const createForwarding = (parts: Parts): Forwarding => new EngineForwarding(parts);
