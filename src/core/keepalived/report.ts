/** What the importer has to say about lines that did not simply become part of a resource. */

/** A line of a file; lines count from 1. */
export type Place = { readonly file: string; readonly line: number };

/**
 * What became of a line. `lost`: steelyard does not do what it asks for. `changed`: steelyard does it in another way.
 * `needless`: there is nothing to do, because steelyard does it anyway or has no such part.
 */
export type Fate = "lost" | "changed" | "needless";

/** One line, or one block, and what became of it. */
export type Note = {
  readonly place: Place;
  /** The last line of a block; `undefined` when the note is about one line. */
  readonly lastLine?: number;
  /** The keyword that the line begins with. */
  readonly subject: string;
  readonly fate: Fate;
  /** The reason, and where there is one the remedy: no capital, no full stop. */
  readonly text: string;
};

/** Where a note belongs: a statement, or anything else with a place and a name. */
export type Noted = { readonly place: Place; readonly lastLine?: number; readonly keyword: string };

/** Notes as they are collected. */
export class Report {
  readonly #notes: Note[] = [];

  /** Everything noted so far, in the order of finding. */
  get notes(): readonly Note[] {
    return this.#notes;
  }

  lost(about: Noted, text: string): void {
    this.add("lost", about, text);
  }

  changed(about: Noted, text: string): void {
    this.add("changed", about, text);
  }

  needless(about: Noted, text: string): void {
    this.add("needless", about, text);
  }

  add(fate: Fate, { place, lastLine = place.line, keyword }: Noted, text: string): void {
    const more = lastLine === place.line ? {} : { lastLine };
    this.#notes.push({ place, ...more, subject: keyword, fate, text });
  }
}
