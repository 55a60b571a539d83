/** Since when something has been wanted without a break: what may be over in a moment is not written at once. */
import type { Instant } from "#base/time";
import { hashName } from "#core/balance/name-hash";

export class Wishes {
  readonly #byKey = new Map<string, { readonly print: number; readonly since: Instant }>();

  /** Since when this has been wanted under the key; `now` if something else was, or nothing. */
  sinceOf(key: string, text: string, now: Instant): Instant {
    const print = hashName(text, 0);
    const known = this.#byKey.get(key);
    if (known?.print === print) return known.since;
    this.#byKey.set(key, { print, since: now });
    return now;
  }

  forget(key: string): void {
    this.#byKey.delete(key);
  }
}
