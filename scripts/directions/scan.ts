/**
 * Finds every import in TypeScript source, type-only ones too, without a compiler.
 *
 * The compilers at hand either drop type imports or have no stable API. Splitting source into tokens is enough: what
 * looks like an import inside a string, a template or a comment is not one. Source that cannot be split is an error.
 */

/** How another module is named. `computed` is an `import(…)` whose argument is no literal. */
export type Import = {
  readonly kind: "static" | "type" | "dynamic" | "computed";
  /** As written; empty for `computed`. */
  readonly specifier: string;
  /** Counted from 1. */
  readonly line: number;
};

/** One piece of source: a name or number, a string or template, or a single character of punctuation. */
export type Token = {
  readonly kind: "word" | "text" | "mark";
  /** Strings come without their quotes. */
  readonly value: string;
  readonly line: number;
};

/** A comment, whole. */
export type Comment = { readonly text: string; readonly line: number };

/** Source split into what runs and what is said about it. */
export type Scanned = { readonly tokens: readonly Token[]; readonly comments: readonly Comment[] };

const COMMENT = /\/\/[^\n]*|\/\*[\s\S]*?\*\//y;
const STRING = /"((?:[^"\\\n]|\\[\s\S])*)"|'((?:[^'\\\n]|\\[\s\S])*)'/y;
const WORD = /[\p{ID_Start}$_#\d][\p{ID_Continue}$\u200c\u200d]*/uy;
const REGEX = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
const TEMPLATE_PART = /((?:[^`\\$]|\\[\s\S]|\$(?!\{))*)(`|\$\{)/y;
const SPACE = /\s+/y;
const ANY = /[\s\S]/y;

/** Words after which a slash starts a regular expression instead of a division. */
const BEFORE_REGEX = new Set([
  "return",
  "typeof",
  "case",
  "in",
  "of",
  "void",
  "await",
  "yield",
  "else",
  "do",
]);

const slashStartsRegex = (before: Token | undefined): boolean => {
  if (before === undefined) return true;
  if (before.kind === "word") return BEFORE_REGEX.has(before.value);
  return before.kind === "mark" && before.value !== ")" && before.value !== "]";
};

/** Where the scanner stands in the source. */
class Cursor {
  readonly #source: string;
  #offset = 0;
  line = 1;

  constructor(source: string) {
    this.#source = source;
  }

  get atEnd(): boolean {
    return this.#offset >= this.#source.length;
  }

  /** Takes what `pattern` (sticky) matches here; `undefined` if it does not. */
  take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#offset;
    const match = pattern.exec(this.#source);
    if (match === null) return undefined;
    this.#offset += match[0].length;
    this.line += match[0].split("\n").length - 1;
    return match;
  }
}

/** Everything that is one token by itself: strings, words, regular expressions. */
const takeSimple = (cursor: Cursor, before: Token | undefined): Token | undefined => {
  const { line } = cursor;
  const string = cursor.take(STRING);
  if (string !== undefined) return { kind: "text", value: string[1] ?? string[2] ?? "", line };
  const word = cursor.take(WORD);
  if (word !== undefined) return { kind: "word", value: word[0], line };
  if (slashStartsRegex(before) && cursor.take(REGEX) !== undefined) return { kind: "text", value: "", line };
  return undefined;
};

/** Splits source into tokens and comments; throws when a string or template never ends. */
export const scan = (source: string): Scanned => {
  const cursor = new Cursor(source);
  const tokens: Token[] = [];
  const comments: Comment[] = [];
  /** For each open `${`, how many braces are open inside it. */
  const substitutions: number[] = [];
  for (;;) {
    cursor.take(SPACE);
    if (cursor.atEnd) break;
    const { line } = cursor;
    const comment = cursor.take(COMMENT);
    if (comment !== undefined) {
      comments.push({ text: comment[0], line });
      continue;
    }
    const simple = takeSimple(cursor, tokens.at(-1));
    if (simple !== undefined) {
      tokens.push(simple);
      continue;
    }
    const mark = cursor.take(ANY)?.[0] ?? "";
    if (mark === '"' || mark === "'") throw new Error(`line ${line}: a string that never ends`);
    const open = substitutions.at(-1);
    if (mark === "`" || (mark === "}" && open === 0)) {
      if (mark === "}") substitutions.pop();
      const part = cursor.take(TEMPLATE_PART);
      if (part === undefined) throw new Error(`line ${line}: a template that never ends`);
      tokens.push({ kind: "text", value: part[1] ?? "", line });
      if (part[2] === "${") substitutions.push(0);
      continue;
    }
    if (open !== undefined && mark === "{") substitutions[substitutions.length - 1] = open + 1;
    if (open !== undefined && mark === "}") substitutions[substitutions.length - 1] = open - 1;
    tokens.push({ kind: "mark", value: mark, line });
  }
  return { tokens, comments };
};

const isMark = (token: Token | undefined, value: string): boolean =>
  token?.kind === "mark" && token.value === value;
const isWord = (token: Token | undefined, value: string): boolean =>
  token?.kind === "word" && token.value === value;

/** `import type …` and `export type …`, but not a value named `type`. */
const saysType = (tokens: readonly Token[], index: number): boolean => {
  const next = tokens[index + 2];
  return (
    isWord(tokens[index + 1], "type") && !isWord(next, "from") && !isMark(next, ",") && !isMark(next, "=")
  );
};

/** The statement's module name: the text after the next `from`, before the statement can have ended. */
const fromClause = (tokens: readonly Token[], start: number): Token | undefined => {
  for (let index = start; index < tokens.length; index += 1) {
    const token = tokens[index];
    if (token === undefined || isMark(token, ";") || isMark(token, "(")) return undefined;
    if (isMark(token, "=") || token.kind === "text") return undefined;
    const next = tokens[index + 1];
    if (isWord(token, "from") && next?.kind === "text") return next;
  }
  return undefined;
};

const importCall = (tokens: readonly Token[], index: number, line: number): Import => {
  const argument = tokens[index + 2];
  const literal =
    argument?.kind === "text" && (isMark(tokens[index + 3], ")") || isMark(tokens[index + 3], ","));
  return literal
    ? { kind: "dynamic", specifier: argument.value, line }
    : { kind: "computed", specifier: "", line };
};

/** Every import, re-export and `import(…)` of the source, in order. */
export const importsOf = ({ tokens }: Scanned): readonly Import[] => {
  const found: Import[] = [];
  for (const [index, token] of tokens.entries()) {
    const { line } = token;
    const isImport = isWord(token, "import");
    if ((!isImport && !isWord(token, "export")) || isMark(tokens[index - 1], ".")) continue;
    const next = tokens[index + 1];
    if (isImport && isMark(next, ".")) continue;
    if (isImport && isMark(next, "(")) {
      found.push(importCall(tokens, index, line));
      continue;
    }
    const name = isImport && next?.kind === "text" ? next : fromClause(tokens, index + 1);
    if (name === undefined) continue;
    found.push({ kind: saysType(tokens, index) ? "type" : "static", specifier: name.value, line });
  }
  return found;
};
