/**
 * When something may be written: what was sent is not sent again before there was time to see what came of it, and no object is
 * written without end, such as when two nodes each believe that they alone answer for a Service.
 */
import { after, between, type Duration, type Instant, seconds } from "#base/time";
import { hashName } from "#core/balance/name-hash";
import { type Backoff, backoffDelay } from "#core/kubernetes/backoff";

/** Until the same is sent again under the same key, if the mirror goes on showing that it is needed. */
const AGAIN: Backoff = { first: seconds(10), most: seconds(300) };
/** How often in a row something different may be sent under a key at once, and the longer and longer pauses after that. */
export type Patience = { readonly atOnce: number; readonly pause: Backoff };

const USUAL: Patience = { atOnce: 4, pause: { first: seconds(10), most: seconds(120) } };
/** After so long without a write the row is over. */
export const REST: Duration = seconds(240);

type Attempt = {
  /** Of what was sent last. */
  readonly print: number;
  /** How often the same was sent, and how often anything. */
  readonly times: number;
  readonly row: number;
  readonly at: Instant;
};

export class Attempts {
  readonly #patience: Patience;
  readonly #byKey = new Map<string, Attempt>();

  constructor(patience: Patience = USUAL) {
    this.#patience = patience;
  }

  /** When this may be sent under the key: not after `now` if it may be at once. */
  dueAt(key: string, text: string, now: Instant): Instant {
    const before = this.#byKey.get(key);
    if (before === undefined || between(before.at, now) >= REST) return now;
    const { print, times, row, at } = before;
    const spread = (hashName(key, row) % 1_000) / 1_000;
    if (print === hashName(text, 0)) return after(at, backoffDelay(AGAIN, { failures: times, spread }));
    const { atOnce, pause } = this.#patience;
    return row < atOnce ? now : after(at, backoffDelay(pause, { failures: row + 1 - atOnce, spread }));
  }

  /** It is being sent now. */
  sent(key: string, text: string, now: Instant): void {
    const before = this.#byKey.get(key);
    const print = hashName(text, 0);
    const isInRow = before !== undefined && between(before.at, now) < REST;
    const row = isInRow ? before.row + 1 : 1;
    const times = isInRow && before.print === print ? before.times + 1 : 1;
    this.#byKey.set(key, { print, times, row, at: now });
  }

  forget(key: string): void {
    this.#byKey.delete(key);
  }

  /** Forgets those whose row is over; gives how many are left. To be called a while after something was sent, however much that was. */
  clean(now: Instant): number {
    for (const [key, { at }] of this.#byKey) if (between(at, now) >= REST) this.#byKey.delete(key);
    return this.#byKey.size;
  }
}
