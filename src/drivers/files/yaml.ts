/**
 * YAML 1.2 text to plain values that remember where they stood.
 *
 * Stricter than the standard where that saves an operator from a surprise: keys are text and unique, numbers
 * have no leading zeros (octal to some readers, decimal to others), tags are refused, anchors may not multiply.
 */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  parseAllDocuments,
  type visitor as Visitor,
  visit,
  type YAMLError,
  type YAMLMap,
} from "yaml";
import type { Path } from "#core/config/problem";
import type { SourceFile } from "./port.ts";

/** Line and column, both from 1. */
export type Position = { readonly line: number; readonly column: number };

/** One resource as it stood in a file. */
export type YamlDocument = {
  readonly file: string;
  readonly value: unknown;
  /** Where the value under a path starts, or its key; what does not exist is placed at its nearest parent. */
  locate(path: Path, at: "key" | "value"): Position;
};

/** A mistake in the writing, before anything is known about its meaning. */
export type YamlProblem = Position & {
  readonly file: string;
  readonly message: string;
  readonly hint?: string;
};

/** Most mistakes reported of one file: after a few, the rest are consequences. */
const MAX_PROBLEMS = 20;
/** How often anchors may be used in a document, all that they stand for counted. */
const MAX_ALIASES = 100;

const HINTS: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: "Indent with spaces.",
  NON_STRING_KEY: "Write the key as plain text.",
  TAG_RESOLVE_FAILED: "Remove the tag.",
  BAD_INDENT: "Start the line in the column of its neighbours.",
  BLOCK_AS_IMPLICIT_KEY: "Start the line in the column of its neighbours.",
  MISSING_CHAR: "What opens further up, a quote or a bracket, must be closed.",
};

/** What the library says of the commonest mistakes, in words of its grammar, and what we say of the line. */
const WORDS: ReadonlyMap<string, { readonly message: string; readonly hint: string }> = new Map([
  [
    "Nested mappings are not allowed in compact mappings",
    {
      message: "a value that is followed by keys further in, or has a colon and a space in itself",
      hint: "Start the next line in the column of its neighbours, or put the value in quotes.",
    },
  ],
  [
    "Implicit keys need to be on a single line",
    { message: "a key without a value", hint: "Write `KEY: VALUE`, with a space after the colon." },
  ],
]);

/** Mistakes that leave the reader where it was; after any other in a document what follows may be their consequence. */
const HARMLESS: ReadonlySet<string> = new Set(["NON_STRING_KEY", "TAG_RESOLVE_FAILED"]);

const sentenceStart = (message: string): string => message.charAt(0).toLowerCase() + message.slice(1);

type Parsed = Document.Parsed<ParsedNode>;

const positionIn = (lines: LineCounter, offset: number): Position => {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
};

const startOf = (node: unknown): number | undefined =>
  isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range?.[0] : undefined;

const resolved = (node: unknown, document: Parsed): unknown =>
  isAlias(node) ? node.resolve(document) : node;

/** The offset of what a path leads to. */
const offsetOf = (document: Parsed, path: Path, at: "key" | "value"): number => {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [index, step] of path.entries()) {
    const parent = resolved(node, document);
    if (isSeq(parent)) {
      node = parent.items[Number(step)];
      offset = startOf(node) ?? offset;
      continue;
    }
    const pair = isMap(parent)
      ? parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(step))
      : undefined;
    if (pair === undefined) return offset;
    node = pair.value;
    const last = index === path.length - 1;
    const inLine = at === "value" && last && (isScalar(node) || isAlias(node)) && startOf(node);
    offset = (inLine && node !== null ? startOf(node) : startOf(pair.key)) ?? offset;
  }
  return offset;
};

/** Deepest nesting of brackets; the kinds need five. */
const MAX_DEPTH = 100;

/** Where brackets open more often than could be meant; found before the library spends gigabytes on them. */
const tooDeepAt = (text: string): number | undefined => {
  let depth = 0;
  for (let offset = 0; offset < text.length; offset += 1) {
    const character = text[offset];
    if (character === "[" || character === "{") depth += 1;
    else if (character === "]" || character === "}") depth = Math.max(0, depth - 1);
    // Brackets in comments and quotes count too, but not beyond the blank line or document that follows.
    else if (character === "\n" && /^(\n|---)/.test(text.slice(offset + 1, offset + 4))) depth = 0;
    if (depth > MAX_DEPTH) return offset;
  }
  return undefined;
};

const LEADING_ZERO = /^[-+]?0\d/;

const problemOf = (file: string, lines: LineCounter, { code, pos, message }: YAMLError): YamlProblem => {
  const first = message.split("\n")[0] ?? message;
  const ours = WORDS.get(first);
  const hint = ours?.hint ?? HINTS[code];
  return {
    file,
    ...positionIn(lines, pos[0]),
    message: ours?.message ?? sentenceStart(first),
    ...(hint === undefined ? {} : { hint }),
  };
};

type Report = (node: Node | null, message: string, hint: string) => void;

/** A number whose value depends on who reads it. */
const checkNumber = (node: Node, report: Report): void => {
  if (!isScalar(node) || typeof node.value !== "number" || node.source === undefined) return;
  if (!LEADING_ZERO.test(node.source)) return;
  report(node, `${node.source} has a leading zero`, `Write ${Number(node.source)}, or put it in quotes.`);
};

/** Keys given twice. The library's own check compares every key with every other: minutes for a large file. */
const checkKeys = (map: YAMLMap<unknown, unknown>, report: Report): void => {
  const seen = new Set<unknown>();
  for (const { key } of map.items) {
    if (!isScalar(key)) continue;
    if (seen.has(key.value)) {
      const twice = `${String(key.value)} is given twice`;
      // Every resource begins so: it is a second one, and each of its keys would be reported.
      if (key.value === "apiVersion") {
        report(key, twice, "Put a line --- between two resources, or keep one of the two.");
        return;
      }
      report(key, twice, "Keep one of the two.");
    }
    seen.add(key.value);
  }
};

/** What a walk over a document finds that the standard allows, or that the library leaves to us. */
const walk = (
  file: string,
  {
    lines,
    document,
    visitor,
  }: { lines: LineCounter; document: Parsed; visitor: (report: Report) => Visitor },
): readonly YamlProblem[] => {
  const problems: YamlProblem[] = [];
  const report: Report = (node, message, hint) => {
    if (problems.length === MAX_PROBLEMS) return;
    problems.push({ file, ...positionIn(lines, node?.range?.[0] ?? 0), message, hint });
  };
  visit(document, visitor(report));
  return problems;
};

const keyVisitor = (report: Report): Visitor => ({ Map: (_key, map) => checkKeys(map, report) });
const numberVisitor = (report: Report): Visitor => ({ Scalar: (_key, node) => checkNumber(node, report) });

const readDocument = (
  file: string,
  lines: LineCounter,
  document: Parsed,
): { readonly problems: readonly YamlProblem[]; readonly document?: YamlDocument } => {
  const grave = document.errors.find(({ code }) => !HARMLESS.has(code));
  const found = grave === undefined ? [...document.errors, ...document.warnings] : [grave];
  const written = found.slice(0, MAX_PROBLEMS).map((each) => problemOf(file, lines, each));
  // With a key given twice nobody knows which value is meant, so there is no value to check.
  const unusable = written.length > 0 ? written : walk(file, { lines, document, visitor: keyVisitor });
  if (unusable.length > 0) return { problems: unusable };
  const problems = walk(file, { lines, document, visitor: numberVisitor });
  const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
  if (value === null || value === undefined) return { problems };
  return {
    problems,
    document: { file, value, locate: (path, at) => positionIn(lines, offsetOf(document, path, at)) },
  };
};

const TOO_DEEP = "is nested too deeply";
/** The library catches some overflows of its own recursion and reports them as mistakes in the text. */
const STACK_OVERFLOW = /call stack|stack overflow/i;

const thrownMessage = (cause: unknown): string => {
  if (cause instanceof RangeError) return TOO_DEEP;
  // The library's word for anchors that multiply.
  if (cause instanceof ReferenceError)
    return `uses anchors more than ${MAX_ALIASES} times, counting what they stand for`;
  return sentenceStart(cause instanceof Error ? cause.message : "cannot be read");
};

/** Every document of a file that holds something. Never throws, whatever the text is. */
export const parseYaml = ({
  path,
  text,
}: SourceFile): {
  readonly documents: readonly YamlDocument[];
  readonly problems: readonly YamlProblem[];
} => {
  const lines = new LineCounter();
  const problems: YamlProblem[] = [];
  const documents: YamlDocument[] = [];
  const tooDeep = tooDeepAt(text);
  if (tooDeep !== undefined) {
    const before = text.slice(0, tooDeep).split("\n");
    const column = (before.at(-1)?.length ?? 0) + 1;
    return { documents, problems: [{ file: path, line: before.length, column, message: TOO_DEEP }] };
  }
  try {
    const parsed = parseAllDocuments(text, {
      lineCounter: lines,
      prettyErrors: false,
      stringKeys: true,
      uniqueKeys: false,
      logLevel: "error",
    });
    for (const each of Array.isArray(parsed) ? parsed : []) {
      const outcome = readDocument(path, lines, each);
      problems.push(...outcome.problems);
      if (outcome.document !== undefined) documents.push(outcome.document);
    }
  } catch (cause) {
    return { documents: [], problems: [{ file: path, line: 1, column: 1, message: thrownMessage(cause) }] };
  }
  const overflow = problems.find(({ message }) => STACK_OVERFLOW.test(message));
  if (overflow !== undefined) {
    const { file, line, column } = overflow;
    return { documents: [], problems: [{ file, line, column, message: TOO_DEEP }] };
  }
  return { documents, problems: problems.slice(0, MAX_PROBLEMS) };
};
