/**
 * When something may be written: what was sent is not sent again before there was time to see what came of it, and no object is
 * written without end, such as when two nodes each believe that they alone answer for a Service.
 */
import { after, type Instant, instant, micros, seconds } from "#base/time";
import { hashName } from "#core/balance/name-hash";
import { type Backoff, backoffDelay } from "#core/kubernetes/backoff";

/** Until the same is sent again under the same key, if the mirror goes on showing that it is needed. */
const AGAIN: Backoff = { first: seconds(10), most: seconds(300) };
/** Different things that may be sent under one key at once, and until one more may be. */
const BURST = 8;
const REFILL = seconds(10);

type Attempt = {
  /** Of what was sent last. */
  readonly print: number;
  readonly times: number;
  readonly at: Instant;
  /** When as many as `BURST` may be sent at once again. */
  readonly restedAt: number;
};

export class Attempts {
  readonly #byKey = new Map<string, Attempt>();

  /** When this may be sent under the key: not after `now` if it may be at once. */
  dueAt(key: string, text: string, now: Instant): Instant {
    const before = this.#byKey.get(key);
    if (before === undefined) return now;
    if (before.print === hashName(text, 0)) {
      const { times: failures, print } = before;
      return after(before.at, backoffDelay(AGAIN, { failures, spread: (print % 1_000) / 1_000 }));
    }
    return instant(before.restedAt - (BURST - 1) * REFILL);
  }

  /** It is being sent now. */
  sent(key: string, text: string, now: Instant): void {
    const before = this.#byKey.get(key);
    const print = hashName(text, 0);
    const times = before?.print === print ? before.times + 1 : 1;
    const restedAt = Math.max(before?.restedAt ?? now, now) + micros(REFILL);
    this.#byKey.set(key, { print, times, at: now, restedAt });
  }

  forget(key: string): void {
    this.#byKey.delete(key);
  }
}
