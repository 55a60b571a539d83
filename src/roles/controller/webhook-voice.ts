/** What a webhook says of itself: of failures once until they end, of its clients once in a while. */
import type { Trouble } from "#drivers/webhook/port";
import type { Tap } from "./tap.ts";

/** Sentences that are remembered as told. */
const MOST_TOLD = 100;

export class WebhookVoice {
  readonly #tap: Tap;
  /** What was told: failures until they end, notes for good. */
  readonly #told = { failed: new Set<string>(), trouble: new Set<string>() };
  #hasFailed = false;
  #isSilent = false;
  /** Reasons of trouble with clients, each with how often. */
  readonly #clients = new Map<string, { count: number; last: Trouble }>();

  constructor(tap: Tap) {
    this.#tap = tap;
  }

  /** Something cannot be done, and will be tried again. */
  failed(detail: string): void {
    this.#hasFailed ||= !this.#isSilent;
    this.#tellOnce("failed", detail);
  }

  /** Something is not as it should be. */
  trouble(detail: string): void {
    this.#tellOnce("trouble", detail);
  }

  serving(port: number): void {
    this.#tap.tell({ type: "webhook", state: "serving", detail: `port ${port}` });
  }

  /** Everything is as it should be. What failed and does not any more is worth a word when it fails again. */
  recovered(port: number | undefined): void {
    if (!this.#hasFailed) return;
    this.#hasFailed = false;
    this.#told.failed.clear();
    this.#tap.tell({ type: "webhook", state: "serving", detail: `port ${port}, as it should` });
  }

  /** Trouble with a client, of which `tellClients` will speak: clients may cause it as often as they please. */
  note(trouble: Trouble): void {
    const known = this.#clients.get(trouble.reason) ?? { count: 0, last: trouble };
    known.count += 1;
    known.last = trouble;
    this.#clients.set(trouble.reason, known);
  }

  tellClients(): void {
    for (const [reason, { count, last }] of this.#clients) {
      const detail = `${reason} ${count} times, last from ${last.from === "" ? "an unknown address" : last.from}: ${last.detail}`;
      this.#tap.tell({ type: "webhook", state: "trouble", detail });
    }
    this.#clients.clear();
  }

  /** Says nothing more of failures: they are those of an end. */
  fallSilent(): void {
    this.#isSilent = true;
  }

  #tellOnce(state: "failed" | "trouble", detail: string): void {
    if (this.#isSilent) return;
    const told = this.#told[state];
    if (told.has(detail)) return;
    if (told.size > MOST_TOLD) told.clear();
    told.add(detail);
    this.#tap.tell({ type: "webhook", state, detail });
  }
}
