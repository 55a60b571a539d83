/**
 * Which Services are to be looked at, and when: those of which something is known to have changed at once, those that wait for a
 * moment then, and all of them when that may have to do with any, and now and then while the cluster changes. A few at a time, so that nothing
 * else has to wait.
 */
import { after, between, type Duration, earliest, type Instant, instant, micros, seconds } from "#base/time";
import type { ObjectKey } from "#core/kubernetes/meta";
import type { Cancel, Time } from "#drivers/kubernetes/time";

export type AgendaParts = {
  readonly clock: Pick<Time, "now" | "later">;
  readonly look: (service: ObjectKey, now: Instant) => void;
  /** All Services that may need something. */
  readonly all: () => Iterable<ObjectKey>;
};

/** Services that are looked at in one turn of the event loop. */
const SLICE = 200;
/** From the end of one look at everything to the beginning of the next, and so many times as long as it took. */
const PAUSE = seconds(1);
const SHARE = 20;
const AT_ONCE = seconds(0);

export class Agenda {
  readonly #parts: AgendaParts;
  readonly #soon = new Set<ObjectKey>();
  readonly #waiting = new Map<ObjectKey, Instant>();
  #all: Iterator<ObjectKey> | undefined;
  #allAt: Instant | undefined;
  /** Time spent on the present look at everything, and when the next may begin. */
  #spent = 0;
  #restUntil: Instant | undefined;
  #cancel: Cancel | undefined;
  #turn: "waiting" | "looking" | "closed" = "waiting";

  constructor(parts: AgendaParts) {
    this.#parts = parts;
  }

  /** In the next turn. */
  soon(services: Iterable<ObjectKey>): void {
    for (const service of services) this.#soon.add(service);
    this.#plan();
  }

  /** At that time, unless something has it looked at before. */
  at(service: ObjectKey, when: Instant): void {
    const known = this.#waiting.get(service);
    if (known !== undefined && known <= when) return;
    this.#waiting.set(service, when);
    this.#plan();
  }

  /** All of them, in so long a time at the latest, or as soon as it is time for that. */
  everything(within: Duration = AT_ONCE): void {
    const now = this.#parts.clock.now();
    const at = instant(Math.max(after(now, within), this.#restUntil ?? now));
    if (this.#allAt !== undefined && this.#allAt <= at) return;
    this.#allAt = at;
    this.#plan();
  }

  close(): void {
    this.#turn = "closed";
    this.#cancel?.();
  }

  #nextAt(now: Instant): Instant | undefined {
    if (this.#soon.size > 0 || this.#all !== undefined) return now;
    let next = this.#allAt;
    for (const when of this.#waiting.values()) next = earliest(next, when);
    return next;
  }

  #plan(): void {
    if (this.#turn !== "waiting") return;
    this.#cancel?.();
    const { clock } = this.#parts;
    const now = clock.now();
    const next = this.#nextAt(now);
    this.#cancel = next === undefined ? undefined : clock.later(between(now, next), () => this.#run());
  }

  #run(): void {
    this.#turn = "looking";
    this.#lookAround();
    if (this.#turn !== "looking") return;
    this.#turn = "waiting";
    this.#plan();
  }

  #lookAround(): void {
    const { clock, look } = this.#parts;
    const began = clock.now();
    for (const [service, when] of this.#waiting) if (when <= began) this.#soon.add(service);
    let left = SLICE;
    for (const service of this.#soon) {
      if (left === 0) break;
      left -= 1;
      this.#soon.delete(service);
      this.#waiting.delete(service);
      look(service, began);
    }
    this.#goOn(left, began);
  }

  /** Goes on with the look at everything. */
  #goOn(most: number, began: Instant): void {
    const { clock, look, all } = this.#parts;
    if (this.#all === undefined && this.#allAt !== undefined && this.#allAt <= began) {
      this.#allAt = undefined;
      this.#spent = 0;
      this.#all = [...all()].values();
    }
    if (this.#all === undefined || most <= 0) return;
    let left = most;
    for (let next = this.#all.next(); next.done !== true; next = this.#all.next()) {
      this.#waiting.delete(next.value);
      look(next.value, began);
      left -= 1;
      if (left <= 0) break;
    }
    const now = clock.now();
    this.#spent += between(began, now);
    if (left <= 0) return;
    this.#all = undefined;
    this.#restUntil = after(now, micros(Math.max(PAUSE, SHARE * this.#spent)));
  }
}
