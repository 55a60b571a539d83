/**
 * Gives memory back once much has been done and nothing is going on any more: what thousands of addresses leave behind when they are told of
 * or taken over is several times what stays.
 *
 * A collection stands between two packets for some hundredths of a second, which peers do not notice. It waits until nothing
 * has happened for a while, so that it never comes in the midst of a takeover, before which memory is let grow again.
 */
import { after, type Duration, type Instant, seconds } from "#base/time";
import type { Deadlines } from "#runtime/deadlines";

/** Addresses that were told of or moved, from which on it is worth a collection. */
const MUCH = 100;
const QUIET: Duration = seconds(10);

export type ThriftParts = {
  readonly deadlines: Pick<Deadlines, "set">;
  readonly now: () => Instant;
  /** Collects what is not needed, and goes on with little. */
  readonly rest: () => void;
  /** Ends that: there is much to do. */
  readonly expectWork: () => void;
};

export class Thrift {
  readonly #parts: ThriftParts;
  /** A start leaves as much behind as any work. */
  #done = MUCH;
  #isResting = false;

  constructor(parts: ThriftParts) {
    this.#parts = parts;
    this.note(0);
  }

  /** Something happened to so many addresses. */
  note(addresses: number): void {
    this.#done += addresses;
    if (this.#done < MUCH) return;
    const { deadlines, now, expectWork } = this.#parts;
    if (this.#isResting) expectWork();
    this.#isResting = false;
    deadlines.set("thrift", after(now(), QUIET), this.#onQuiet);
  }

  readonly #onQuiet = (): void => {
    this.#done = 0;
    this.#isResting = true;
    this.#parts.rest();
  };
}
