/**
 * From files to the lines that count: included files in place, comments gone, lines for other boxes left out, parameters
 * replaced.
 *
 * All of it is bounded, because parameters and includes can name themselves.
 */
import { type BareLine, bareLines } from "./comment.ts";
import { parseDefinition, substitute } from "./parameters.ts";
import type { Place, Report } from "./report.ts";

/** One file's text. */
export type SourceText = { readonly path: string; readonly text: string };

/** What an `include` line means: the files in the order of their names, and why others could not be read. */
export type Included = { readonly files: readonly SourceText[]; readonly problems: readonly string[] };

/** Finds the files that `pattern` in the file `from` means; relative patterns count from that file's directory. */
export type Include = (pattern: string, from: string) => Included;

/** A line as it counts, with the place where it (or the parameter that it came from) was written. */
export type SourceLine = { readonly place: Place; readonly text: string };

/** Why the text as a whole cannot be read, and where. */
export type Unreadable = { readonly place: Place; readonly message: string };

export type LineOptions = {
  readonly include: Include;
  /** Name of the box, which decides about lines that start with `@`. */
  readonly configId: string;
};

const MAX_FILES = 1_000;
const MAX_DEPTH = 32;
const MAX_LINES = 200_000;
/** Most characters of all lines together. */
const MAX_CHARACTERS = 16_000_000;

/** Stops the reading; never leaves this file. */
class Stop extends Error {
  readonly unreadable: Unreadable;

  constructor(place: Place, message: string) {
    super(message);
    this.unreadable = { place, message };
  }
}

const directoryOf = (path: string): string =>
  path.includes("/") ? path.replace(/\/[^/]*$/, "") || "/" : ".";

class Reader {
  readonly lines: SourceLine[] = [];
  readonly #options: LineOptions;
  readonly #report: Report;
  readonly #valueByName = new Map<string, string>();
  #files = 0;
  #characters = 0;

  constructor(options: LineOptions, report: Report) {
    this.#options = options;
    this.#report = report;
  }

  file({ path, text }: SourceText, open: readonly string[]): void {
    this.#files += 1;
    const bare = bareLines(text);
    for (const { line, parts } of bare) {
      const place = { file: path, line };
      const first = parts[0] ?? "";
      const include = /^(include[rmwba]?)\s+(\S.*)$/.exec(first);
      if (include?.[2] !== undefined) this.#include(include[2], { place, keyword: include[1] ?? "" }, open);
      else this.#line(joined({ line, parts }), place, 0);
    }
  }

  #include(
    word: string,
    about: { readonly place: Place; readonly keyword: string },
    open: readonly string[],
  ): void {
    const { place } = about;
    const pattern = word.replace(/^(["'])(.*)\1$/, "$2");
    const { files, problems } = this.#options.include(pattern, place.file);
    for (const problem of problems) this.#report.lost(about, problem);
    if (files.length === 0 && problems.length === 0) {
      if (/[*?[{]/.test(pattern)) this.#report.needless(about, `no file matches ${pattern}`);
      else this.#report.lost(about, `${pattern} does not exist`);
    }
    for (const file of files) {
      if (open.includes(file.path)) throw new Stop(place, `${file.path} includes itself`);
      if (open.length > MAX_DEPTH)
        throw new Stop(place, `files include each other more than ${MAX_DEPTH} deep`);
      if (this.#files >= MAX_FILES) throw new Stop(place, `there are more than ${MAX_FILES} files`);
      this.file(file, [...open, file.path]);
    }
  }

  /** Takes one line, which may be a condition on another one, or become several. */
  #line(text: string, place: Place, depth: number): void {
    if (text === "") return;
    if (depth > MAX_DEPTH) throw new Stop(place, `parameters name each other more than ${MAX_DEPTH} deep`);
    const conditional = /^@(\^?)(\S*)\s*/.exec(text);
    if (conditional !== null) {
      const [prefix, not, id = ""] = conditional;
      if ((id === this.#options.configId) === (not === ""))
        this.#line(text.slice(prefix.length), place, depth + 1);
      else this.#report.needless({ place, keyword: prefix.trim() }, this.#otherBox());
      return;
    }
    const definition = parseDefinition(text);
    if (definition !== undefined) {
      this.#valueByName.set(definition.name, definition.value);
      return;
    }
    if (/^~(SEQx?|LST)\b/.test(text)) {
      const keyword = text.slice(0, 4);
      this.#report.lost(
        { place, keyword },
        "the importer does not repeat lines; write them out and import again",
      );
      return;
    }
    const replaced = text.includes("$") ? substitute(text, (name) => this.#valueOf(name, place)) : text;
    if (replaced === undefined) throw new Stop(place, "a line grows beyond a million characters");
    if (replaced === text) this.#emit(text, place);
    else for (const part of replaced.split("\n")) this.#line(part.trim(), place, depth + 1);
  }

  #otherBox(): string {
    return `is for another box than ${this.#options.configId}, which --config-id says`;
  }

  #valueOf(name: string, place: Place): string | undefined {
    if (name === "_PWD") return directoryOf(place.file);
    if (name === "_INSTANCE") return this.#options.configId;
    if (name === "_HASH") return "#";
    if (name === "_BANG") return "!";
    return this.#valueByName.get(name);
  }

  #emit(text: string, place: Place): void {
    this.#characters += text.length;
    if (this.lines.length >= MAX_LINES) throw new Stop(place, `there are more than ${MAX_LINES} lines`);
    if (this.#characters > MAX_CHARACTERS) throw new Stop(place, "the lines are longer than 16 MB together");
    this.lines.push({ place, text });
  }
}

/** A continued definition keeps its lines apart; anything else that is continued is one line. */
const joined = ({ parts }: BareLine): string => {
  const [first = ""] = parts;
  return parseDefinition(first.replace(/^@\S*\s+/, "")) === undefined
    ? parts.join(" ").trim()
    : parts.join("\n");
};

/** The lines of these files, read one after the other, or why they cannot be read. */
export const readLines = (
  sources: readonly SourceText[],
  options: LineOptions,
  report: Report,
):
  | { readonly ok: true; readonly lines: readonly SourceLine[] }
  | { readonly ok: false; readonly why: Unreadable } => {
  const reader = new Reader(options, report);
  try {
    for (const source of sources) reader.file(source, [source.path]);
    return { ok: true, lines: reader.lines };
  } catch (error) {
    if (error instanceof Stop) return { ok: false, why: error.unreadable };
    throw error;
  }
};
