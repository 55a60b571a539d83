/** What a watch makes of its failures: how long it waits, and whether the version that it has is still of use. */
import { type Duration, micros, millis, seconds } from "#base/time";
import { type Backoff, backoffDelay } from "#core/kubernetes/backoff";
import type { Failure } from "./port.ts";

/** A stream that lived so long was a good one: what fails after it is the first failure. */
const GOOD_LIFE = seconds(10);
/**
 * However long a server wants not to be asked: a mirror that stands still for an hour gives addresses by what was an hour
 * ago, API servers ask for seconds, and one request a minute is no burden for whatever stands between.
 */
const LONGEST_RETRY_AFTER = seconds(60);
/** So many times in a row the same may lead to nothing before it is tried otherwise. */
export const MOST_FRUITLESS = 2;

export type Judgement = {
  readonly wait: Duration;
  /** Whether everything must be read again. */
  readonly isVersionUseless: boolean;
};

export class Setbacks {
  readonly #backoff: Backoff;
  #failures = 0;
  /** Whether the last failure was that the version is too old. */
  #wasGone = false;
  /** Attempts from the same version, in a row, that a server answered without getting anywhere. */
  #fruitless = 0;

  constructor(backoff: Backoff) {
    this.#backoff = backoff;
  }

  /** An attempt has ended after so long, well or not. */
  noteLife(life: Duration): void {
    if (life >= GOOD_LIFE) [this.#failures, this.#wasGone] = [0, false];
  }

  /** An attempt has failed. `spread` is a number in [0, 1). */
  judge(
    failure: Failure,
    { hasProgress, spread }: { readonly hasProgress: boolean; readonly spread: number },
  ): Judgement {
    const isGone = failure.reason === "gone";
    // A version that is too old is what an outage leaves behind: the server is there again, and how long it was not is no
    // reason to wait. Unless that is all that it says.
    this.#failures = isGone && !this.#wasGone ? 1 : this.#failures + 1;
    this.#wasGone = isGone;
    const delay = backoffDelay(this.#backoff, { failures: this.#failures, spread });
    const wanted = Math.min(millis(failure.retryAfter ?? 0), LONGEST_RETRY_AFTER);
    return {
      wait: micros(Math.max(delay, wanted)),
      isVersionUseless: this.#isVersionUseless(failure, hasProgress),
    };
  }

  #isVersionUseless({ reason }: Failure, hasProgress: boolean): boolean {
    // Without an answer the version is not to blame, and neither is it when the server is too busy or does not let us in.
    const isBlamed = reason === "server-error" || reason === "invalid";
    this.#fruitless = hasProgress || !isBlamed ? 0 : this.#fruitless + 1;
    if (reason !== "gone" && this.#fruitless < MOST_FRUITLESS) return false;
    this.#fruitless = 0;
    return true;
  }
}
