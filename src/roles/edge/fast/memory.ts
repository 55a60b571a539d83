/**
 * What this run of the program leaves on record for the next, and what the last one left for this.
 *
 * Written behind the routers' back: a takeover waits for no file.
 */
import { after, type Instant, instant, millis } from "#base/time";
import type { VirtualRouterConfig } from "#core/vrrp/config";
import { formatPastRun, formatStamps, mayResume, type PastRun, parsePastRun } from "#core/vrrp/resume";
import type { RunRecord } from "#drivers/files/record";
import type { Deadlines } from "#runtime/deadlines";

/** Pause between two writes of when routers advertised. */
const STAMP_PAUSE = millis(10);

/** What the record needs to know of a router. */
export type Remembered = {
  readonly config: VirtualRouterConfig;
  readonly linkIndex: number | undefined;
  readonly isActive: boolean;
};

export type Memory = {
  /** Whether a router whose addresses an earlier run left on this link may go on being active. */
  mayResume(config: VirtualRouterConfig, linkIndex: number, now: Instant): boolean;
  /** Whether a tracked check that nobody has asked yet was healthy a moment ago. */
  wasHealthy(check: string): boolean;
  /** What the last run left says nothing any more. */
  forgetPast(): void;
  /** Which routers are active and which checks healthy. */
  note(routers: readonly Remembered[], healthyChecks: readonly string[], now: Instant): void;
  /** An active router has advertised. */
  spoke(router: string, now: Instant): void;
  /** The program ends in order: the next run begins from nothing. */
  erase(): void;
};

type Parts = {
  readonly record: RunRecord;
  /** Tells boots of the machine apart. */
  readonly bootId: string;
  readonly deadlines: Deadlines;
};

class RecordedMemory implements Memory {
  readonly #parts: Parts;
  #past: PastRun | undefined;
  #names: readonly string[] = [];
  #written = "";
  readonly #spokeAtByName = new Map<string, Instant>();
  #stampedAt: Instant | undefined;
  #stamping = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#past = parsePastRun(parts.record.found);
  }

  mayResume(config: VirtualRouterConfig, linkIndex: number, now: Instant): boolean {
    const { bootId } = this.#parts;
    return this.#past !== undefined && mayResume(config, linkIndex, { past: this.#past, bootId, now });
  }

  wasHealthy(check: string): boolean {
    return this.#past?.healthyChecks.includes(check) === true;
  }

  forgetPast(): void {
    this.#past = undefined;
  }

  note(remembered: readonly Remembered[], healthyChecks: readonly string[], now: Instant): void {
    const routers = remembered.flatMap(({ config, linkIndex, isActive }) => {
      const { name, vrid, family, version, advertisementInterval: interval } = config;
      if (!isActive || linkIndex === undefined) return [];
      return [{ name, linkIndex, vrid, family, version, interval }];
    });
    const { bootId, record } = this.#parts;
    const text = JSON.stringify({ routers, healthyChecks });
    if (text === this.#written) return;
    this.#written = text;
    this.#names = routers.map(({ name }) => name);
    const stamped = routers.map((router) => ({ ...router, spokeAt: this.#spokeAt(router.name) }));
    this.#stampedAt = now;
    record.replace(() => formatPastRun({ bootId, routers: stamped, healthyChecks }));
  }

  spoke(router: string, now: Instant): void {
    this.#spokeAtByName.set(router, now);
    if (this.#stamping) return;
    const nextAt = this.#stampedAt === undefined ? now : after(this.#stampedAt, STAMP_PAUSE);
    if (nextAt <= now) this.#stamp(now);
    else {
      this.#stamping = true;
      this.#parts.deadlines.set("memory stamp", nextAt, this.#onTimer);
    }
  }

  erase(): void {
    this.#parts.deadlines.set("memory stamp", undefined, this.#onTimer);
    this.#parts.record.remove();
  }

  readonly #onTimer = (now: Instant): void => {
    this.#stamping = false;
    this.#stamp(now);
  };

  #stamp(now: Instant): void {
    this.#stampedAt = now;
    this.#parts.record.stamp(formatStamps(this.#names.map((name) => this.#spokeAt(name))));
  }

  #spokeAt(name: string): Instant {
    return this.#spokeAtByName.get(name) ?? instant(0);
  }
}

/** Reads what the last run left, and writes nothing until there is something to say. */
export const createMemory = (parts: Parts): Memory => new RecordedMemory(parts);
