/**
 * The words of one line: quotes, escapes and braces.
 *
 * `"` and `'` quote, and join with what stands next to them. A backslash escapes as in the shell's `$'...'`. An
 * unquoted brace is a word of its own wherever it stands, except in `${NAME}`.
 */

/** One word, or one unquoted brace. */
export type Word =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "open" }
  | { readonly type: "close" };

const CONTROL: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  E: "\x1b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

/** The character that the escape at the start of `rest` (what follows a backslash) means, and how long it is. */
const readEscape = (rest: string): { readonly text: string; readonly length: number } => {
  const octal = /^[0-7]{1,3}/.exec(rest)?.[0];
  if (octal !== undefined) {
    return { text: String.fromCharCode(Number.parseInt(octal, 8) & 0xff), length: octal.length };
  }
  const hex = /^x([0-9a-fA-F]+)/.exec(rest);
  if (hex !== null) {
    const value = Number.parseInt((hex[1] ?? "").slice(-2), 16);
    return { text: String.fromCharCode(value), length: hex[0].length };
  }
  const control = /^c([@-_a-z])/.exec(rest)?.[1];
  if (control !== undefined) return { text: String.fromCharCode(control.charCodeAt(0) & 0x1f), length: 2 };
  const first = rest.charAt(0);
  return { text: CONTROL[first] ?? first, length: first.length };
};

/** Where a `${NAME}` that starts at `index` ends; `undefined` when there is none. */
const parameterEnd = (line: string, index: number): number | undefined => {
  const length = /^\$\{[A-Za-z0-9_]*\}/.exec(line.slice(index, index + 256))?.[0].length;
  return length === undefined ? undefined : index + length;
};

/** Splits a line without its comment. A quote that is never closed ends with the line. */
export const splitWords = (line: string): readonly Word[] => {
  const words: Word[] = [];
  let current: string | undefined;
  let quote: string | undefined;
  const finish = (): void => {
    if (current !== undefined) words.push({ type: "text", text: current });
    current = undefined;
  };
  for (let index = 0; index < line.length; ) {
    const character = line.charAt(index);
    index += 1;
    if (character === "\\" && index < line.length) {
      const escaped = readEscape(line.slice(index, index + 16));
      current = (current ?? "") + escaped.text;
      index += escaped.length;
    } else if (character === quote) {
      quote = undefined;
    } else if (quote === undefined && (character === '"' || character === "'")) {
      quote = character;
      current ??= "";
    } else if (quote !== undefined) {
      current += character;
    } else if (/\s/.test(character)) {
      finish();
    } else if (character === "{" || character === "}") {
      finish();
      words.push({ type: character === "{" ? "open" : "close" });
    } else {
      const end = character === "$" ? (parameterEnd(line, index - 1) ?? index) : index;
      current = (current ?? "") + line.slice(index - 1, end);
      index = end;
    }
  }
  finish();
  return words;
};

/**
 * Program and arguments of a script's command line, which is one word of the configuration: split at spaces, with
 * either quote keeping them. No shell is involved.
 */
export const splitCommand = (command: string): readonly string[] => {
  const parts: string[] = [];
  let current: string | undefined;
  let quote: string | undefined;
  for (const character of command) {
    if (character === quote) {
      quote = undefined;
    } else if (quote === undefined && (character === '"' || character === "'")) {
      quote = character;
      current ??= "";
    } else if (quote === undefined && /\s/.test(character)) {
      if (current !== undefined) parts.push(current);
      current = undefined;
    } else {
      current = (current ?? "") + character;
    }
  }
  if (current !== undefined) parts.push(current);
  return parts;
};
