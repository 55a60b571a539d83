/** What importers have to say about keys that did not simply become part of a resource. */
import { formatPath, type Path } from "#core/config/problem";
import type { Fate, Note } from "#core/keepalived/report";
import type { SourceDocument } from "./source.ts";

/** What a note is about: the value under a path of a document. */
export type Subject = {
  readonly document: SourceDocument;
  readonly path: Path;
  /** What the document is, where the path alone does not say it; `""` otherwise. */
  readonly label: string;
};

/** Most notes that are listed; whoever has more to read begins with these. */
const MOST_NOTES = 1_000;
const LONGEST_SUBJECT = 200;
const LONGEST_TEXT = 600;

/** `Service shop/web metadata.annotations.x`. */
export const subjectText = ({ label, path }: Subject): string =>
  [label, formatPath(path)]
    .filter((part) => part !== "")
    .join(" ")
    .slice(0, LONGEST_SUBJECT);

/** Notes as they are collected. */
export class Report {
  readonly #notes: Note[] = [];
  readonly #seen = new Set<string>();
  #unlisted: { readonly count: number; readonly first: Note; readonly isLost: boolean } | undefined;

  /** File by file in the order in which they were read, from the top of each to its end. */
  notes(files: readonly string[]): readonly Note[] {
    const order = new Map(files.map((file, index) => [file, index]));
    const sorted = this.#notes.toSorted(
      (left, right) =>
        (order.get(left.place.file) ?? 0) - (order.get(right.place.file) ?? 0) ||
        left.place.line - right.place.line,
    );
    if (this.#unlisted === undefined) return sorted;
    const { count, first, isLost } = this.#unlisted;
    return [
      ...sorted,
      { ...first, fate: isLost ? "lost" : first.fate, text: `${count} more, from here on, are not listed` },
    ];
  }

  lost(about: Subject, text: string): void {
    this.#add("lost", about, text);
  }

  changed(about: Subject, text: string): void {
    this.#add("changed", about, text);
  }

  needless(about: Subject, text: string): void {
    this.#add("needless", about, text);
  }

  #add(fate: Fate, about: Subject, text: string): void {
    if (this.#unlisted !== undefined) {
      // Without looking up the line, which would make a large file slow.
      const { count, first, isLost } = this.#unlisted;
      this.#unlisted = { count: count + 1, first, isLost: isLost || fate === "lost" };
      return;
    }
    const { document, path } = about;
    const note: Note = {
      place: { file: document.file, line: document.lineOf(path) },
      subject: subjectText(about),
      fate,
      text: text.slice(0, LONGEST_TEXT),
    };
    const key = JSON.stringify([note.place, note.subject, note.text]);
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    if (this.#notes.length < MOST_NOTES) this.#notes.push(note);
    else this.#unlisted = { count: 1, first: { ...note, subject: "more" }, isLost: fate === "lost" };
  }
}
