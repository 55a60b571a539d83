/**
 * Routers on their way out: they have resigned and still serve until their successors are heard, but not for long.
 *
 * A program that stops and a configuration that has a router no more take the same way, so that users notice neither.
 */
import { after, earliest, type Instant, micros, millis, seconds } from "#base/time";
import type { Deadlines } from "#runtime/deadlines";
import type { Router } from "./router.ts";

/** A successor follows within its skew, which is less than an interval; this is for a busy one. */
const GRACE = millis(200);
/** Nobody waits longer than this for a successor that may not exist. */
const LIMIT = seconds(3);
/**
 * The successor advertises before the last client has heard its gratuitous ARP, and answers to forwarded requests are
 * still under way: what serves them stays this long after the successor was heard.
 */
const AFTERGLOW = millis(300);
const DEADLINE_ID = "departures";

type Leaving = { readonly router: Router; readonly until: Instant };

export class Departures {
  readonly #parts: { readonly deadlines: Deadlines; readonly now: () => Instant };
  readonly #leaving = new Set<Leaving>();
  /** Until when clients of routers that have a successor may still come here. */
  #servedUntil: Instant | undefined;
  #onEmpty: (() => void)[] = [];

  constructor(parts: { readonly deadlines: Deadlines; readonly now: () => Instant }) {
    this.#parts = parts;
  }

  /** Those that still serve. */
  get routers(): readonly Router[] {
    return [...this.#leaving].map(({ router }) => router);
  }

  /** Lets these go: each serves until it has a successor, or its time is up. */
  add(routers: readonly Router[], now: Instant): void {
    for (const router of routers) router.resign(now, () => this.#succeeded(router));
    for (const router of routers) {
      if (!router.handingOver) {
        router.stop(now);
        continue;
      }
      const patience = micros(Math.min(LIMIT, router.config.advertisementInterval + GRACE));
      this.#leaving.add({ router, until: after(now, patience) });
    }
    this.#schedule();
  }

  /** Ends whoever is left, at once. */
  end(now: Instant): void {
    for (const { router } of [...this.#leaving]) this.#end(router, now);
  }

  /** Calls back once nobody is left and the clients have followed; at once when nobody was. */
  whenGone(onGone: () => void): void {
    this.#onEmpty.push(onGone);
    this.#schedule();
  }

  #succeeded(router: Router): void {
    this.#servedUntil = after(this.#parts.now(), AFTERGLOW);
    this.#forget(router);
  }

  #end(router: Router, now: Instant): void {
    router.stop(now);
    this.#forget(router);
  }

  #forget(router: Router): void {
    for (const leaving of this.#leaving) if (leaving.router === router) this.#leaving.delete(leaving);
    this.#schedule();
  }

  readonly #onTimer = (now: Instant): void => {
    for (const { router, until } of [...this.#leaving]) if (until <= now) this.#end(router, now);
    if (this.#servedUntil !== undefined && this.#servedUntil <= now) this.#servedUntil = undefined;
    this.#schedule();
  };

  #schedule(): void {
    const next = earliest(this.#servedUntil, ...[...this.#leaving].map(({ until }) => until));
    this.#parts.deadlines.set(DEADLINE_ID, next, this.#onTimer);
    if (next !== undefined) return;
    const waiting = this.#onEmpty;
    this.#onEmpty = [];
    for (const onGone of waiting) onGone();
  }
}
