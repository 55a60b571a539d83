/**
 * What cannot be read at the API server: each told once when it has begun for good, and once when it is over. A server that is
 * restarted, or ends a watch, is nothing that anybody has to hear of.
 */
import { type Duration, seconds } from "#base/time";
import type { SpeakerEvent } from "#core/speaker/event";
import type { Cancel, Time } from "#drivers/kubernetes/time";

/** How long it is waited for the end of a trouble before it is told. */
const PATIENCE: Duration = seconds(3);

type Parts = {
  readonly clock: Pick<Time, "later">;
  readonly tell: (event: SpeakerEvent) => void;
  /** What an agent before this one has told, and what is not known to be over. */
  readonly inherited: Iterable<string>;
};

export class Troubles {
  readonly #parts: Parts;
  /** Not told yet, with the last detail of each. */
  readonly #young = new Map<string, { detail: string; readonly cancel: Cancel }>();
  readonly #told = new Set<string>();
  readonly #inherited: Set<string>;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#inherited = new Set(parts.inherited);
  }

  /** It cannot be read, or still not; that is told if it lasts, or at once. */
  begin(resource: string, detail: string, when: "if-it-lasts" | "at-once" = "if-it-lasts"): void {
    if (this.#told.has(resource)) return;
    if (this.#inherited.delete(resource)) {
      this.#told.add(resource);
      return;
    }
    const young = this.#young.get(resource);
    if (when === "at-once") this.#grow(resource, detail);
    else if (young === undefined) {
      const grow = (): void => this.#grow(resource, this.#young.get(resource)?.detail ?? detail);
      const cancel = this.#parts.clock.later(PATIENCE, grow);
      this.#young.set(resource, { detail, cancel });
    } else young.detail = detail;
  }

  end(resource: string): void {
    this.#young.get(resource)?.cancel();
    this.#young.delete(resource);
    if (this.#told.delete(resource) || this.#inherited.delete(resource))
      this.#parts.tell({ type: "api-trouble", resource, state: "ended" });
  }

  /** Everything has been read: what an earlier agent could not read is over, unless it has begun again. */
  allRead(): void {
    for (const resource of [...this.#inherited]) this.end(resource);
  }

  close(): void {
    for (const { cancel } of this.#young.values()) cancel();
    this.#young.clear();
  }

  #grow(resource: string, detail: string): void {
    this.#young.get(resource)?.cancel();
    this.#young.delete(resource);
    this.#told.add(resource);
    this.#parts.tell({ type: "api-trouble", resource, state: "begun", detail });
  }
}
