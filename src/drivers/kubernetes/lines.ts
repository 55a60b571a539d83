/** Cuts a stream of bytes into lines, of bounded length. */

const NEWLINE = 0x0a;
/** What is kept for the next line that arrives in pieces; a longer one gives its room back. */
const KEPT_BYTES = 65_536;

/** Lines from chunks: `push` each chunk and take lines with `next` until it gives none. */
export class LineSplitter {
  readonly #limit: number;
  #chunk: Buffer = Buffer.alloc(0);
  #offset = 0;
  #held: Buffer = Buffer.alloc(0);
  #heldLength = 0;

  /** A line of more than `limit` bytes makes `isTooLong` true. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Whether a line is longer than it may be; nothing more is given then. */
  get isTooLong(): boolean {
    return this.#heldLength > this.#limit;
  }

  /** Whether a line has begun that has not ended. */
  get isWithinLine(): boolean {
    return this.#heldLength > 0 || this.#offset < this.#chunk.length;
  }

  /** Adds bytes. What was pushed before must have been taken. */
  push(chunk: Buffer): void {
    const rest = this.#chunk.subarray(this.#offset);
    this.#chunk = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    this.#offset = 0;
  }

  /** The next whole line, without its end; `undefined` when there is none yet. */
  next(): string | undefined {
    if (this.isTooLong) return undefined;
    const end = this.#chunk.indexOf(NEWLINE, this.#offset);
    if (end < 0) {
      this.#hold(this.#chunk.subarray(this.#offset));
      this.#chunk = this.#chunk.subarray(this.#chunk.length);
      this.#offset = 0;
      return undefined;
    }
    const start = this.#offset;
    if (this.#heldLength + end - start > this.#limit) {
      this.#heldLength = this.#limit + 1;
      return undefined;
    }
    this.#offset = end + 1;
    if (this.#heldLength === 0) return this.#chunk.toString("utf8", start, end);
    this.#hold(this.#chunk.subarray(start, end));
    const line = this.#held.toString("utf8", 0, this.#heldLength);
    this.#heldLength = 0;
    if (this.#held.length > KEPT_BYTES) this.#held = Buffer.alloc(0);
    return line;
  }

  #hold(piece: Buffer): void {
    const length = this.#heldLength + piece.length;
    if (length > this.#limit) {
      this.#heldLength = this.#limit + 1;
      return;
    }
    if (length > this.#held.length) {
      const larger = Buffer.alloc(Math.max(length, 2 * this.#held.length));
      this.#held.copy(larger, 0, 0, this.#heldLength);
      this.#held = larger;
    }
    piece.copy(this.#held, this.#heldLength);
    this.#heldLength = length;
  }
}
