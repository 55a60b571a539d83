/** What cannot be read at the API server: each told once when it begins, and once when it is over. */
import type { SpeakerEvent } from "#core/speaker/event";

export class Troubles {
  readonly #tell: (event: SpeakerEvent) => void;
  readonly #begun = new Set<string>();
  /** Told by an agent before this one. */
  readonly #inherited: Set<string>;

  /** `inherited`: what was told and is not known to be over. */
  constructor(tell: (event: SpeakerEvent) => void, inherited: Iterable<string>) {
    this.#tell = tell;
    this.#inherited = new Set(inherited);
  }

  /** It cannot be read, or still not. */
  begin(resource: string, detail: string): void {
    if (this.#begun.has(resource)) return;
    this.#begun.add(resource);
    if (!this.#inherited.delete(resource))
      this.#tell({ type: "api-trouble", resource, state: "begun", detail });
  }

  end(resource: string): void {
    if (this.#begun.delete(resource) || this.#inherited.delete(resource))
      this.#tell({ type: "api-trouble", resource, state: "ended" });
  }

  /** Everything has been read: what an earlier agent could not read is over, unless it has begun again. */
  allRead(): void {
    for (const resource of [...this.#inherited]) this.end(resource);
  }
}
