/** Cuts the stream of a connection into messages, however TCP has cut it into chunks. */
import { concatBytes } from "#base/bytes";
import { HEADER_LENGTH, MAXIMUM_LENGTH } from "./constants.ts";
import { readHeader } from "./header.ts";
import type { MessageError } from "./message.ts";

/** One whole message, as its header says; or what is wrong with a header, after which nothing can be read any more. */
export type Framed =
  | { readonly type: "message"; readonly bytes: Uint8Array }
  | { readonly type: "error"; readonly error: MessageError };

const NOTHING = new Uint8Array(0);

/**
 * The messages of one connection. After each `push` ask `next` until it has none: then it keeps the beginning of one message at
 * most, in 4096 octets that are allocated once. Where a message lies in one chunk it is a view of it, otherwise a copy.
 */
export class Framer {
  #chunk: Uint8Array = NOTHING;
  /** The beginning of a message whose rest has not come, in the first `#held` octets. */
  readonly #beginning = new Uint8Array(MAXIMUM_LENGTH);
  #held = 0;
  #error: MessageError | undefined;

  /** Takes what has come. The bytes must stay as they are while messages that were cut out of them are in use. */
  push(chunk: Uint8Array): void {
    if (this.#error !== undefined) return;
    this.#chunk = this.#chunk.length === 0 ? chunk : concatBytes(this.#chunk, chunk);
  }

  /** The next message; `undefined`: not all of it has come. An error is given once, and nothing after it. */
  next(): Framed | undefined {
    if (this.#error !== undefined || !this.#reach(HEADER_LENGTH)) return undefined;
    const header = readHeader(this.#held > 0 ? this.#beginning : this.#chunk);
    if (!header.ok) {
      this.#error = header.error;
      this.#chunk = NOTHING;
      return { type: "error", error: header.error };
    }
    const { length } = header.value;
    if (!this.#reach(length)) return undefined;
    return { type: "message", bytes: this.#take(length) };
  }

  /** Whether so many octets of a message are there in one piece; if they are not, what there is moves into `#beginning`. */
  #reach(length: number): boolean {
    if (this.#held === 0 && this.#chunk.length >= length) return true;
    const moved = this.#chunk.subarray(0, Math.max(0, length - this.#held));
    this.#beginning.set(moved, this.#held);
    this.#held += moved.length;
    this.#chunk = this.#chunk.subarray(moved.length);
    return this.#held >= length;
  }

  #take(length: number): Uint8Array {
    if (this.#held > 0) {
      this.#held = 0;
      return this.#beginning.slice(0, length);
    }
    const bytes = this.#chunk.subarray(0, length);
    this.#chunk = this.#chunk.subarray(length);
    return bytes;
  }
}
