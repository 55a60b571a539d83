/** From lines to statements: keyword, arguments, and for a block what stands between its braces. */
import type { SourceLine, Unreadable } from "./lines.ts";
import type { Place } from "./report.ts";
import { splitWords } from "./words.ts";

/** One line, or one block with the line that opens it. */
export type Statement = {
  readonly keyword: string;
  readonly args: readonly string[];
  /** What is between the braces; `undefined` when there are none. */
  readonly block?: readonly Statement[];
  readonly place: Place;
  /** The line of the closing brace when that is another line of the same file. */
  readonly lastLine?: number;
};

/** Deepest nesting of blocks; keepalived's own goes to five. */
const MAX_NESTING = 32;

type Open = { statement: Statement; readonly block: Statement[] };

class Builder {
  readonly top: Statement[] = [];
  /** A closing brace without an opening one, of which keepalived only warns. */
  readonly strays: Place[] = [];
  readonly #open: Open[] = [];
  #words: string[] = [];

  get #block(): Statement[] {
    return this.#open.at(-1)?.block ?? this.top;
  }

  get unclosed(): Place | undefined {
    return this.#open.at(-1)?.statement.place;
  }

  word(text: string): void {
    this.#words.push(text);
  }

  /** Ends the statement whose words were collected. */
  end(place: Place): void {
    const [keyword, ...args] = this.#words;
    this.#words = [];
    if (keyword !== undefined) this.#block.push({ keyword, args, place });
  }

  /** Opens a block for the words before the brace, or for the statement on the line before. Whether that is allowed. */
  open(place: Place): boolean {
    const alone = this.#words.length === 0;
    this.end(place);
    const last = this.#block.at(-1);
    if (last === undefined || (alone && last.block !== undefined)) return false;
    this.#block.pop();
    this.#open.push({ statement: last, block: [] });
    return this.#open.length <= MAX_NESTING;
  }

  close(place: Place): void {
    this.end(place);
    const closed = this.#open.pop();
    if (closed === undefined) {
      this.strays.push(place);
      return;
    }
    const { statement, block } = closed;
    const sameFile = place.file === statement.place.file && place.line > statement.place.line;
    this.#block.push({ ...statement, block, ...(sameFile ? { lastLine: place.line } : {}) });
  }
}

export type StatementsRead =
  | { readonly ok: true; readonly statements: readonly Statement[]; readonly strays: readonly Place[] }
  | { readonly ok: false; readonly why: Unreadable };

/** The statements that the lines hold, or the brace that makes no sense. */
export const readStatements = (lines: readonly SourceLine[]): StatementsRead => {
  const builder = new Builder();
  for (const { place, text } of lines) {
    for (const word of splitWords(text)) {
      if (word.type === "text") builder.word(word.text);
      else if (word.type === "close") builder.close(place);
      else if (!builder.open(place)) return { ok: false, why: { place, message: "this { opens no block" } };
    }
    builder.end(place);
  }
  const { unclosed } = builder;
  if (unclosed !== undefined) {
    return { ok: false, why: { place: unclosed, message: "the block that begins here is never closed" } };
  }
  return { ok: true, statements: builder.top, strays: builder.strays };
};
