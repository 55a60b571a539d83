/**
 * How long ago packets came, from the kernel's stamps of the time of day, which somebody may set while they wait: NTP, a person, the host
 * of a virtual machine that stood still.
 *
 * A packet cannot have waited for longer than since its socket was seen empty, by a clock that nobody sets. A stamp by which it would have
 * waited longer, or come in the future, was made before the clock was set, and is read by the clock that was.
 */
import { type Duration, millis, toMillis } from "#base/time";

/** Both in milliseconds: the time of day, and a clock that nobody sets. */
export type Clocks = { readonly wall: () => number; readonly steady: () => number };

/** The clocks are read one after the other, and the time of day in whole milliseconds. */
const SLACK = 2;

type Reading = { readonly wall: number; readonly steady: number };

const readClocks = ({ wall, steady }: Clocks): Reading => ({ wall: wall(), steady: steady() });

export class Stamps {
  readonly #clocks: Clocks;
  /** When packets were read last, and when nothing was left. */
  #now: Reading;
  #empty: Reading;

  constructor(clocks: Clocks) {
    this.#clocks = clocks;
    this.#now = readClocks(clocks);
    this.#empty = this.#now;
  }

  /** Packets have been read: what is asked next is about them. */
  read(): void {
    this.#now = readClocks(this.#clocks);
  }

  /** With those the socket is empty, and what is read from now on has come since. Said once they have been asked about. */
  emptied(): void {
    this.#empty = this.#now;
  }

  /** How long a packet with this stamp had waited when it was read. */
  waited(stamp: number): Duration {
    const { wall, steady } = this.#now;
    const longest = steady - this.#empty.steady + SLACK;
    const before = this.#empty.wall + (steady - this.#empty.steady);
    const possible = [wall - stamp, before - stamp].find((each) => each >= -SLACK && each <= longest);
    // It was set twice. Who takes the packet for new prolongs a session by less than it waited; the other way round one that lives would end.
    return millis(Math.max(0, possible ?? 0));
  }

  /** When one that had waited for so long came, by the steady clock. */
  cameAt(waited: Duration): number {
    return this.#now.steady - toMillis(waited);
  }
}
