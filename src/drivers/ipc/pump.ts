/**
 * Hands a journal on to another process at its pace.
 *
 * A reader that stalls costs nothing but the journal that it has yet to read; when it comes back it gets what it missed, or,
 * where that does not reach back so far, a fresh snapshot.
 */

/** Observations of the past that a new reader is given. */
const RECENT = 1_000;

type Numbered = { readonly sequence: number };

type PumpOptions<Item extends Numbered> = {
  readonly journal: {
    after(sequence: number, most?: number): readonly Item[];
    forget(sequence: number): void;
    readonly view: Numbered;
  };
  /** Sends all that is true now; `told`: how far this or an earlier reader was told, 0 for not at all. */
  readonly sendSnapshot: (recent: readonly Item[], told: number) => void;
  /** Sends one observation; false means that the reader is behind. */
  readonly sendObservation: (observation: Item) => boolean;
};

export class Pump<Item extends Numbered> {
  readonly #options: PumpOptions<Item>;
  /** Sequence of the last observation that was sent, to whichever reader. */
  #sent = 0;

  constructor(options: PumpOptions<Item>) {
    this.#options = options;
  }

  /** Gives a new reader its snapshot. */
  begin(): void {
    const { journal, sendSnapshot } = this.#options;
    const told = this.#sent;
    this.#sent = journal.view.sequence;
    sendSnapshot(journal.after(Math.max(0, this.#sent - RECENT)), told);
  }

  /**
   * Sends what the reader has yet to be told, as much as it takes and no more than `most`. To be called while it reads; gives
   * whether that was all.
   */
  run(most = Number.POSITIVE_INFINITY): boolean {
    const { journal, sendObservation } = this.#options;
    if (this.#sent === journal.view.sequence) return true;
    const missed = journal.after(this.#sent, most);
    if (missed[0]?.sequence !== this.#sent + 1) {
      this.begin();
      return true;
    }
    for (const observation of missed) {
      this.#sent = observation.sequence;
      if (!sendObservation(observation)) break;
    }
    // A reader that comes later is given these, and no others.
    journal.forget(this.#sent - RECENT);
    return this.#sent === journal.view.sequence;
  }
}
