/**
 * Flap damping of our own announcements, in the spirit of RFC 2439: a prefix that goes again and again is not announced again until
 * it has been quiet for a while. Withdrawals are never held back.
 *
 * Each time that a prefix goes counts 1; what has been counted halves every `halfLife`. Above `holdAbove` the prefix is held, until
 * the count has come down to `releaseBelow`, and never for more than `longestHold` after it went last.
 */
import { after, type Duration, type Instant, seconds } from "#base/time";
import type { PrefixKey } from "./prefix-key.ts";

export type DampingConfig = {
  readonly halfLife: Duration;
  /** Goings. */
  readonly holdAbove: number;
  /** Goings; less than `holdAbove`. */
  readonly releaseBelow: number;
  readonly longestHold: Duration;
};

/**
 * Much quicker than RFC 2439's figures, which are for routes of others: a Service that has come to rest is wanted back soon. Five
 * goings in a row hold a prefix for 35 s; one that goes every 10 s is never held.
 */
export const DEFAULT_DAMPING: DampingConfig = {
  halfLife: seconds(15),
  holdAbove: 4,
  releaseBelow: 1,
  longestHold: seconds(60),
};

/** Counts of so many prefixes are kept; the oldest are forgotten first. */
const MOST = 65_536;
/** What has come down to this is forgotten. */
const FORGOTTEN = 0.5;

type Merit = { readonly count: number; readonly at: Instant; readonly state: "free" | "held" };

/** Counts how often prefixes go, and says how long they must wait when they come again. */
export class Damping {
  readonly #config: DampingConfig;
  readonly #ceiling: number;
  readonly #memory: Duration;
  /** By when they went last, the oldest first. */
  readonly #merits = new Map<PrefixKey, Merit>();

  constructor(config: DampingConfig) {
    const { halfLife, releaseBelow, longestHold } = config;
    this.#config = config;
    this.#ceiling = releaseBelow * 2 ** (longestHold / halfLife);
    this.#memory = this.#timeUntil(FORGOTTEN, Math.max(this.#ceiling, 1));
  }

  /** Prefixes whose goings are remembered. */
  get size(): number {
    return this.#merits.size;
  }

  /** Takes note that a prefix went. */
  gone(key: PrefixKey, now: Instant): void {
    this.#forget(now);
    const before = this.#merits.get(key);
    const count = Math.min(this.#ceiling, this.#countAt(before, now) + 1);
    const isHeld = count > this.#config.holdAbove || this.#heldUntil(before, now) !== undefined;
    this.#merits.delete(key);
    this.#merits.set(key, { count, at: now, state: isHeld ? "held" : "free" });
  }

  /** Until when a prefix is not to be announced; `undefined`: it may be. */
  heldUntil(key: PrefixKey, now: Instant): Instant | undefined {
    return this.#heldUntil(this.#merits.get(key), now);
  }

  #heldUntil(merit: Merit | undefined, now: Instant): Instant | undefined {
    if (merit?.state !== "held") return undefined;
    const until = after(merit.at, this.#timeUntil(this.#config.releaseBelow, merit.count));
    return until > now ? until : undefined;
  }

  #countAt(merit: Merit | undefined, now: Instant): number {
    return merit === undefined ? 0 : merit.count * 2 ** ((merit.at - now) / this.#config.halfLife);
  }

  /** How long it takes a count to come down. */
  #timeUntil(target: number, count: number): Duration {
    return Math.max(0, Math.ceil(this.#config.halfLife * Math.log2(count / target))) as Duration;
  }

  #forget(now: Instant): void {
    for (const [key, { at }] of this.#merits) {
      if (this.#merits.size < MOST && after(at, this.#memory) > now) return;
      this.#merits.delete(key);
    }
  }
}
