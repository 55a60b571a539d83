/** A service manager that remembers what it was told. */
import type { NotifyPort, NotifyResult } from "./port.ts";

export class FakeNotify implements NotifyPort {
  /** Everything that arrived, in order. */
  readonly heard: string[] = [];
  #answer: NotifyResult = "sent";
  #closed = false;

  send(text: string): NotifyResult {
    const result = this.#closed ? "gone" : this.#answer;
    if (result === "sent") this.heard.push(text);
    return result;
  }

  close(): void {
    this.#closed = true;
  }

  /** What the socket says from now on. */
  answer(result: NotifyResult): void {
    this.#answer = result;
  }
}
