/** Keeps what is known of the cluster on disk, and goes on from it where no agent tells anything. */
import { after, type Instant, seconds } from "#base/time";
import type { SpeakerEvent } from "#core/speaker/event";
import type { RunRecord } from "#drivers/files/record";
import type { Deadlines } from "#runtime/deadlines";

/** How long changes wait for more before they are written. */
const PAUSE = seconds(1);

type SavingParts<Saved> = {
  /** As sentences name it. */
  readonly subject: string;
  readonly read: (
    text: string,
  ) => { readonly ok: true; readonly value: Saved } | { readonly ok: false; readonly reason: string };
  /** What is known now, as it is written. */
  readonly text: () => string;
  readonly deadlines: Deadlines;
  readonly openState: (onFailure: (detail: string) => void) => RunRecord;
  readonly tell: (event: SpeakerEvent) => void;
};

export class Saving<Saved> {
  readonly #parts: SavingParts<Saved>;
  readonly #record: RunRecord;
  #isPlanned = false;
  #failure: string | undefined;

  constructor(parts: SavingParts<Saved>) {
    this.#parts = parts;
    this.#record = parts.openState((detail) => this.#onFailure(detail));
  }

  get #key(): string {
    return `save ${this.#parts.subject}`;
  }

  /** What an earlier run has left, as it was written; empty if nothing, and once this run has saved something. */
  get found(): string {
    return this.#record.found;
  }

  /** Writes over the first bytes of what was written, if it was. */
  stamp(text: string): void {
    this.#record.stamp(text);
  }

  /** What an earlier run has left; `undefined` if there is nothing that can be used. */
  load(): Saved | undefined {
    const text = this.#record.found;
    if (text === "") return undefined;
    const reading = this.#parts.read(text);
    if (reading.ok) return reading.value;
    this.#parts.tell({
      type: "speaker",
      change: "state-ignored",
      detail: `${this.#parts.subject} ${reading.reason}`,
    });
    return undefined;
  }

  /** What is known has changed, and is everything. */
  saveSoon(now: Instant): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    this.#parts.deadlines.set(this.#key, after(now, PAUSE), () => this.#save());
  }

  /** Writes at once what waits to be written. */
  close(): void {
    if (this.#isPlanned) this.#save();
    this.#parts.deadlines.set(this.#key, undefined, () => {});
  }

  #save(): void {
    this.#isPlanned = false;
    this.#record.replace(this.#parts.text);
  }

  /** Told once: it is tried again and again. */
  #onFailure(message: string): void {
    if (this.#failure === message) return;
    this.#failure = message;
    this.#parts.tell({ type: "write-failed", subject: "state on disk", reason: "disk", message });
  }
}
