/**
 * A small file that tells the next run of the program about this one, written without ever making its writer wait.
 *
 * One write is under way at a time, off the thread; of what is asked for meanwhile only the newest is written. So a disk
 * that is slow, full or gone delays nothing; the record is then old, or has none, and its reader must not mind.
 */
import { close, open, readFileSync, rename, rmSync, statSync, unlink, write } from "node:fs";

export type RunRecord = {
  /** What was there when it was opened; empty when nothing was, and once it is to be replaced. */
  readonly found: string;
  /** Replaces all of it, at once for any reader, with what `text` gives when it is written: that is kept by nobody. */
  replace(text: () => string): void;
  /** Writes over its first bytes in place; nothing happens unless it was replaced successfully before. */
  stamp(text: string): void;
  /** Takes it away; nothing is written any more. */
  remove(): void;
};

/** Pause before a write that failed is tried again, in milliseconds. */
const RETRY = 2_000;

/** A pipe would keep us waiting, and a device never ends. */
const readNow = (path: string, longest: number): string => {
  try {
    const stats = statSync(path);
    return stats.isFile() && stats.size <= longest ? readFileSync(path, "utf8") : "";
  } catch {
    return "";
  }
};

type RecordOptions = {
  /** Told of each write that failed. */
  readonly onFailure: (detail: string) => void;
  /** In bytes; what is longer was not written by us, and is not read. */
  readonly longest: number;
};

const wordsOf = (error: NodeJS.ErrnoException): string => error.code ?? error.message;

class FileRecord implements RunRecord {
  found: string;
  readonly #path: string;
  readonly #onFailure: (detail: string) => void;
  #fd: number | undefined;
  #busy = false;
  #closed = false;
  #text: (() => string) | undefined;
  /** What the file is to hold, written or not. */
  #wanted: (() => string) | undefined;
  #stamp: string | undefined;
  #retry: NodeJS.Timeout | undefined;

  constructor(path: string, { onFailure, longest }: RecordOptions) {
    this.#path = path;
    this.#onFailure = onFailure;
    this.found = readNow(path, longest);
  }

  replace(text: () => string): void {
    this.found = "";
    clearTimeout(this.#retry);
    this.#text = text;
    this.#wanted = text;
    this.#stamp = undefined;
    this.#next();
  }

  stamp(text: string): void {
    this.#stamp = text;
    this.#next();
  }

  remove(): void {
    this.#closed = true;
    if (!this.#busy) this.#release();
    rmSync(this.#path, { force: true });
  }

  #release(): void {
    if (this.#fd !== undefined) close(this.#fd);
    this.#fd = undefined;
  }

  #next(): void {
    if (this.#busy || this.#closed) return;
    const [text, stamp] = [this.#text, this.#stamp];
    if (text !== undefined) {
      const whole = text();
      this.#text = undefined;
      this.#busy = true;
      this.#release();
      open(`${this.#path}.new`, "w", 0o600, (error, fd) => this.#opened(error, fd, whole));
    } else if (stamp !== undefined && this.#fd !== undefined) {
      this.#stamp = undefined;
      this.#busy = true;
      write(this.#fd, stamp, 0, "utf8", (error) => this.#done(error));
    }
  }

  #opened(error: NodeJS.ErrnoException | null, fd: number, text: string): void {
    if (error !== null) {
      this.#done(error);
      return;
    }
    this.#fd = fd;
    write(fd, text, 0, "utf8", (failed, written) => {
      // A disk that is nearly full takes a part.
      if (failed === null && written < Buffer.byteLength(text)) this.#done(new Error("no space left"));
      else if (failed === null) rename(`${this.#path}.new`, this.#path, (unmoved) => this.#done(unmoved));
      else this.#done(failed);
    });
  }

  /** What was to be written last is still what a restart should find. */
  #tryAgain(): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      if (this.#fd === undefined) this.#text ??= this.#wanted;
      this.#next();
    }, RETRY).unref();
  }

  #done(error: NodeJS.ErrnoException | null): void {
    this.#busy = false;
    if (error !== null) {
      this.#onFailure(`${this.#path}: ${wordsOf(error)}`);
      this.#release();
      // Half a file only takes room.
      unlink(`${this.#path}.new`, () => undefined);
      this.#tryAgain();
    }
    if (this.#closed) this.#release();
    else this.#next();
  }
}

const LONGEST = 1_024 * 1_024;

/** Reads the record at `path` and keeps it from now on; `onFailure` is told of each write that failed. */
export const openRecord = (
  path: string,
  onFailure: (detail: string) => void,
  longest: number = LONGEST,
): RunRecord => new FileRecord(path, { onFailure, longest });
