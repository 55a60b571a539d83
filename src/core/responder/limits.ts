/** How many questions are read, so that a flood of them leaves time for everything else on the thread. */
import { type Instant, instant } from "#base/time";

/** So much may come at once, as a part of what may come in a second. */
const BURST_SECONDS = 0.5;
/** Sources share this many buckets by a hash: a bound on memory that no choice of sources can exceed. */
const SOURCE_BUCKETS = 1_024;

/** A token bucket: so many a second, and half a second's worth at once. */
export class TokenBucket {
  readonly #rate: number;
  readonly #most: number;
  #tokens: number;
  #at: Instant = instant(0);

  constructor(perSecond: number, atOnce: number = Math.max(1, perSecond * BURST_SECONDS)) {
    this.#rate = perSecond;
    this.#most = atOnce;
    this.#tokens = atOnce;
  }

  /** How many there are now. */
  available(now: Instant): number {
    const elapsed = Math.max(0, now - this.#at);
    this.#tokens = Math.min(this.#most, this.#tokens + (elapsed * this.#rate) / 1_000_000);
    this.#at = now;
    return this.#tokens;
  }

  /** Takes one if there is one. */
  take(now: Instant): boolean {
    if (this.available(now) < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** When so many will be there. */
  readyAt(wanted: number, now: Instant): Instant {
    const missing = Math.min(wanted, this.#most) - this.available(now);
    return missing <= 0 ? now : instant(now + Math.ceil((missing * 1_000_000) / this.#rate));
  }
}

/** FNV-1a over the six bytes. */
const hashOf = (mac: Uint8Array): number => {
  let hash = 0x811c_9dc5;
  for (const byte of mac) hash = Math.imul(hash ^ byte, 0x0100_0193);
  return hash >>> 0;
};

/** Limits on questions: of one source, and of all together. */
export class QuestionLimits {
  readonly #perSource: number;
  readonly #total: TokenBucket;
  readonly #sources = new Map<number, TokenBucket>();

  constructor({ total, perSource }: { readonly total: number; readonly perSource: number }) {
    this.#perSource = perSource;
    this.#total = new TokenBucket(total);
  }

  /** Whether a question of this source is read now. One source alone cannot use up what is there for all. */
  admit(source: Uint8Array, now: Instant): "admitted" | "source-limit" | "total-limit" {
    const slot = hashOf(source) % SOURCE_BUCKETS;
    let bucket = this.#sources.get(slot);
    if (bucket === undefined) {
      bucket = new TokenBucket(this.#perSource);
      this.#sources.set(slot, bucket);
    }
    if (!bucket.take(now)) return "source-limit";
    return this.#total.take(now) ? "admitted" : "total-limit";
  }
}
