/** Time that moves only when the test moves it: a queue of actions, run in the order of their instants. */
import { type Instant, instant } from "#base/time";

/** Takes a scheduled action back; calling it again, or after the action ran, does nothing. */
export type Cancel = () => void;

type Entry = { readonly at: Instant; readonly action: () => void; cancelled: boolean };

/** A simulated clock that starts at instant 0. Actions at the same instant run in the order they were scheduled. */
export class Clock {
  #now: Instant = instant(0);
  /** Sorted; later ones first, so that the next one is at the end. */
  readonly #entries: Entry[] = [];

  /** The present. */
  get now(): Instant {
    return this.#now;
  }

  /** Runs `action` when time has come to `at`, or in the present if that has passed. */
  schedule(at: Instant, action: () => void): Cancel {
    const entry = { at, action, cancelled: false };
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle]?.at ?? 0) > at) low = middle + 1;
      else high = middle;
    }
    this.#entries.splice(low, 0, entry);
    return () => {
      entry.cancelled = true;
    };
  }

  /** Moves time to `end` and runs everything due until then, what those actions schedule included. */
  advanceTo(end: Instant): void {
    for (;;) {
      const next = this.#entries.at(-1);
      if (next === undefined || next.at > end) break;
      this.#entries.pop();
      if (next.cancelled) continue;
      if (next.at > this.#now) this.#now = next.at;
      next.action();
    }
    if (end > this.#now) this.#now = end;
  }
}
