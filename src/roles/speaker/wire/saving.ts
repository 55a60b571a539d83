/** Keeps what is known of the cluster on disk, and goes on from it where no agent tells anything. */
import { after, type Instant, seconds } from "#base/time";
import type { SpeakerEvent } from "#core/speaker/event";
import type { RunRecord } from "#drivers/files/record";
import type { Deadlines } from "#runtime/deadlines";
import type { Knowledge } from "./knowledge.ts";
import { readState, type SavedState, stateText } from "./state.ts";

/** How long changes wait for more before they are written. */
const PAUSE = seconds(1);

type SavingParts = {
  readonly node: string;
  readonly knowledge: Knowledge;
  readonly deadlines: Deadlines;
  readonly openState: (onFailure: (detail: string) => void) => RunRecord;
  readonly tell: (event: SpeakerEvent) => void;
};

export class Saving {
  readonly #parts: SavingParts;
  readonly #record: RunRecord;
  #isPlanned = false;
  #failure: string | undefined;

  constructor(parts: SavingParts) {
    this.#parts = parts;
    this.#record = parts.openState((detail) => this.#onFailure(detail));
  }

  /** What an earlier run has left; `undefined` if there is nothing that can be used. */
  load(): SavedState | undefined {
    const text = this.#record.found;
    if (text === "") return undefined;
    const reading = readState(this.#parts.node, text);
    if (reading.ok) return reading.value;
    this.#parts.tell({
      type: "speaker",
      change: "state-ignored",
      detail: `what is on disk ${reading.reason}`,
    });
    return undefined;
  }

  /** What is known has changed, and is everything. */
  saveSoon(now: Instant): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    this.#parts.deadlines.set("save", after(now, PAUSE), () => this.#save());
  }

  /** Writes at once what waits to be written. */
  close(): void {
    if (this.#isPlanned) this.#save();
    this.#parts.deadlines.set("save", undefined, () => {});
  }

  #save(): void {
    this.#isPlanned = false;
    const { node, knowledge } = this.#parts;
    const { members = [] } = knowledge;
    this.#record.replace(stateText(node, { members, placements: knowledge.placements() }));
  }

  /** Told once: it is tried again and again. */
  #onFailure(message: string): void {
    if (this.#failure === message) return;
    this.#failure = message;
    this.#parts.tell({ type: "write-failed", subject: "state on disk", reason: "disk", message });
  }
}
