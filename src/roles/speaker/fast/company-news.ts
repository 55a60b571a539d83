/**
 * When people are told whom this node hears.
 *
 * At first that changes several times within a tenth of a second, and means nothing: nobody was heard yet, because nobody was
 * asked. So it is told once a session is up, or once the sessions had their time. What ownership does about it waits for nothing.
 */
import { after, type Instant, seconds } from "#base/time";
import type { CompanyState, Verdict } from "#core/ownership/company";
import type { SpeakerEvent } from "#core/speaker/event";
import type { Deadlines } from "#runtime/deadlines";

/** BFD sends once a second until a session is up, and needs three packets. */
const FIRST_TIME = seconds(3);

export type CompanyNewsParts = {
  readonly deadlines: Deadlines;
  readonly tell: (event: SpeakerEvent) => void;
};

export class CompanyNews {
  readonly #parts: CompanyNewsParts;
  #stage: "unjudged" | "first" | "told" = "unjudged";
  #verdict: Verdict = "doubtful";

  constructor(parts: CompanyNewsParts) {
    this.#parts = parts;
  }

  /** It is so from now on. */
  judge({ verdict, sessions }: CompanyState, now: Instant): void {
    this.#verdict = verdict;
    const isHeard = sessions !== undefined && sessions.up > 0;
    if (this.#stage === "told" || isHeard) this.#tell();
    else if (this.#stage === "unjudged") {
      this.#stage = "first";
      this.#parts.deadlines.set("company", after(now, FIRST_TIME), this.#tell);
    }
  }

  close(): void {
    this.#parts.deadlines.set("company", undefined, this.#tell);
  }

  readonly #tell = (): void => {
    this.#stage = "told";
    this.close();
    this.#parts.tell({ type: "company", to: this.#verdict });
  };
}
