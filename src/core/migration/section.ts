/** A section of a document: gives its values by key, and knows which of them nobody asked for. */
import { type Path, show } from "#core/config/problem";
import { isSection } from "#core/config/unknown-keys";
import type { Fields } from "#core/kubernetes/read";
import type { Report, Subject } from "./report.ts";
import { labelOf, type SourceDocument } from "./source.ts";

/** A text and where it stands. */
export type Item = { readonly text: string; readonly about: Subject };

/** Most keys of one section that are named one by one as unknown: after some, the file is of another kind. */
const MOST_UNKNOWN = 20;
/** Most items of a list that are read: the API server takes no object that holds more. */
const MOST_ITEMS = 20_000;

export class Section {
  readonly #value: Fields;
  readonly #about: Subject;
  readonly #report: Report;
  readonly #asked = new Set<string>();

  constructor(value: Fields, about: Subject, report: Report) {
    this.#value = value;
    this.#about = about;
    this.#report = report;
  }

  /** What a note about the section as a whole is about. */
  get about(): Subject {
    return this.#about;
  }

  get keys(): readonly string[] {
    return Object.keys(this.#value);
  }

  /** What a note about one of the keys is about. */
  at(...path: Path): Subject {
    return { ...this.#about, path: [...this.#about.path, ...path] };
  }

  /** Whether the key is there and holds something. */
  has(key: string): boolean {
    return Object.hasOwn(this.#value, key) && this.#value[key] !== null && this.#value[key] !== undefined;
  }

  /** The value under a key as it is; it counts as read. */
  raw(key: string): unknown {
    this.#asked.add(key);
    return this.has(key) ? this.#value[key] : undefined;
  }

  /** Text; numbers count as their spelling, since YAML makes numbers of what people mean as text. */
  text(key: string): string | undefined {
    const value = this.raw(key);
    if (value === undefined || value === "") return undefined;
    if (typeof value === "string" || typeof value === "number") return String(value);
    this.lost(key, `${show(value)} is no text`);
    return undefined;
  }

  flag(key: string): boolean | undefined {
    const value = this.raw(key);
    if (value === undefined || typeof value === "boolean") return value;
    this.lost(key, `${show(value)} is neither true nor false`);
    return undefined;
  }

  /** A whole number within bounds, both included. */
  whole(key: string, { min, max }: { readonly min: number; readonly max: number }): number | undefined {
    const value = this.raw(key);
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value;
    this.lost(key, `${show(value)} is no whole number from ${min} to ${max}`);
    return undefined;
  }

  #list(key: string): readonly unknown[] {
    const value = this.raw(key);
    if (value === undefined) return [];
    if (!Array.isArray(value)) {
      this.lost(key, `${show(value)} is no list`);
      return [];
    }
    if (value.length > MOST_ITEMS)
      this.lost(key, `has ${value.length} items, of which ${MOST_ITEMS} are read`);
    return value.slice(0, MOST_ITEMS);
  }

  /** The texts of a list. */
  texts(key: string): readonly Item[] {
    return this.#list(key).flatMap((value, index) => {
      const about = this.at(key, index);
      if (typeof value === "string" || typeof value === "number") return [{ text: String(value), about }];
      this.#report.lost(about, `${show(value)} is no text`);
      return [];
    });
  }

  /** The section under a key. */
  section(key: string): Section | undefined {
    const value = this.raw(key);
    if (value === undefined) return undefined;
    if (isSection(value)) return new Section(value, this.at(key), this.#report);
    this.lost(key, `${show(value)} is no section with keys`);
    return undefined;
  }

  /** The sections of a list. */
  sections(key: string): readonly Section[] {
    return this.#list(key).flatMap((value, index) => {
      const about = this.at(key, index);
      if (isSection(value)) return [new Section(value, about, this.#report)];
      this.#report.lost(about, `${show(value)} is no section with keys`);
      return [];
    });
  }

  /** Texts by name, as labels are. */
  textMap(key: string): Readonly<Record<string, string>> {
    const section = this.section(key);
    if (section === undefined) return {};
    return Object.fromEntries(
      section.keys.flatMap((name) => {
        const text = section.raw(name) === "" ? "" : section.text(name);
        return text === undefined ? [] : [[name, text]];
      }),
    );
  }

  lost(key: string, why: string): void {
    this.#asked.add(key);
    this.#report.lost(this.at(key), why);
  }

  changed(key: string, why: string): void {
    this.#asked.add(key);
    this.#report.changed(this.at(key), why);
  }

  needless(key: string, why: string): void {
    this.#asked.add(key);
    this.#report.needless(this.at(key), why);
  }

  /** Notes those of the keys that are there. */
  dismiss(fate: "lost" | "changed" | "needless", keys: readonly string[], why: string): void {
    for (const key of keys) {
      if (this.has(key)) this[fate](key, why);
      this.#asked.add(key);
    }
  }

  /** Notes every key that nobody asked for. */
  close(where: string): void {
    const unknown = this.keys.filter((key) => !this.#asked.has(key) && this.has(key));
    for (const key of unknown.slice(0, MOST_UNKNOWN))
      this.lost(key, `is no key that the importer knows in ${where}`);
    const more = unknown.length - MOST_UNKNOWN;
    if (more > 0) this.#report.lost(this.#about, `has ${more} more keys that the importer does not know`);
  }
}

/** The section that a document is; `undefined` if it is none. */
export const sectionOf = (document: SourceDocument, report: Report): Section | undefined =>
  isSection(document.value)
    ? new Section(document.value, { document, path: [], label: labelOf(document.value) }, report)
    : undefined;
