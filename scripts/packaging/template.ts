/**
 * Reads the part of Helm's template language that our chart keeps to (text/template of Go, with Sprig's functions).
 *
 * Plain enough to be rendered here, so that the manifests come from the chart and the tests need no Helm. Left out:
 * variables, `range`, `block`, comparison of anything but text. What is not known is an error, never passed over.
 */

/** An expression inside `{{ }}`. A pipeline `a | f x` is the call of `f` with `x` and `a`. */
export type Expression =
  | { readonly kind: "literal"; readonly value: string | number | boolean }
  | { readonly kind: "path"; readonly fields: readonly string[] }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly Expression[] };

/** One case of an `if`; without a condition it is the `else`. */
export type Branch = { readonly condition: Expression | undefined; readonly body: readonly Part[] };

/** A part of a template. `with` has the value that it looks at as dot, and nothing when that is empty. */
export type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "output"; readonly expression: Expression }
  | { readonly kind: "if"; readonly branches: readonly Branch[] }
  | { readonly kind: "with"; readonly value: Expression; readonly body: readonly Part[] };

/** A file: what it renders to, and the named templates that it defines. */
export type Template = {
  readonly parts: readonly Part[];
  readonly defined: ReadonlyMap<string, readonly Part[]>;
};

type Piece = { readonly kind: "text" | "action"; readonly text: string };

const ACTION = /\{\{(-\s)?([\s\S]*?)(\s-)?\}\}/g;

/** Text and actions in turn, blanks taken away where an action says so. */
const split = (source: string): readonly Piece[] => {
  const pieces: Piece[] = [];
  let from = 0;
  let trimNext = false;
  const pushText = (text: string, trimEnd: boolean): void => {
    const start = trimNext ? text.trimStart() : text;
    pieces.push({ kind: "text", text: trimEnd ? start.trimEnd() : start });
  };
  for (const match of source.matchAll(ACTION)) {
    pushText(source.slice(from, match.index), match[1] !== undefined);
    pieces.push({ kind: "action", text: (match[2] ?? "").trim() });
    from = match.index + match[0].length;
    trimNext = match[3] !== undefined;
  }
  pushText(source.slice(from), false);
  return pieces.filter(({ kind, text }) => kind === "action" || text !== "");
};

const TOKEN = /\s*(?:("(?:[^"\\]|\\.)*")|(-?\d+)|([A-Za-z]\w*)|((?:\.[A-Za-z]\w*)+|\.)|([()|]))/y;

const tokenize = (text: string): readonly string[] => {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match === null) throw new Error(`not understood: ${text.slice(at)}`);
    tokens.push(match[0].trim());
  }
  return tokens;
};

/** Reads the expression that `text` is. */
const parseExpression = (text: string): Expression => {
  const tokens = tokenize(text);
  let next = 0;

  const operand = (): Expression => {
    const token = tokens[next] ?? "";
    next += 1;
    if (token === "(") {
      const inner = pipeline();
      if (tokens[next] !== ")") throw new Error(`a bracket is not closed: ${text}`);
      next += 1;
      return inner;
    }
    if (token.startsWith('"')) return { kind: "literal", value: JSON.parse(token) };
    if (/^-?\d/.test(token)) return { kind: "literal", value: Number(token) };
    if (token === "true" || token === "false") return { kind: "literal", value: token === "true" };
    if (token.startsWith("."))
      return { kind: "path", fields: token.split(".").filter((field) => field !== "") };
    throw new Error(`an operand is missing: ${text}`);
  };

  const operands = (): Expression[] => {
    const found: Expression[] = [];
    while (next < tokens.length && tokens[next] !== "|" && tokens[next] !== ")") found.push(operand());
    return found;
  };

  const command = (): Extract<Expression, { kind: "call" }> | Expression => {
    const token = tokens[next] ?? "";
    if (token === ".Files.Get" || (/^[A-Za-z]/.test(token) && token !== "true" && token !== "false")) {
      next += 1;
      return { kind: "call", name: token.replace(/^\./, ""), args: operands() };
    }
    return operand();
  };

  const pipeline = (): Expression => {
    let value = command();
    while (tokens[next] === "|") {
      next += 1;
      const filter = command();
      if (filter.kind !== "call") throw new Error(`no function after a bar: ${text}`);
      value = { ...filter, args: [...filter.args, value] };
    }
    return value;
  };

  const expression = pipeline();
  if (next < tokens.length) throw new Error(`not understood from ${tokens[next]} on: ${text}`);
  return expression;
};

type Reader = {
  readonly pieces: readonly Piece[];
  readonly defined: Map<string, readonly Part[]>;
  at: number;
};

/** Which action ended a body: `else`, `else if …`, `end`, or `""` at the end of the file. */
type Body = { readonly parts: readonly Part[]; readonly end: string };

const readIf = (reader: Reader, first: string): Part => {
  const branches: Branch[] = [];
  let condition: string | undefined = first;
  for (;;) {
    const { parts, end } = readBody(reader);
    branches.push({
      condition: condition === undefined ? undefined : parseExpression(condition),
      body: parts,
    });
    if (end === "end") return { kind: "if", branches };
    if (end === "") throw new Error(`an if is not ended: ${first}`);
    condition = end.startsWith("else if ") ? end.slice("else if ".length) : undefined;
  }
};

/** The body of a `with` or `define`, which has no `else` here. */
const readWhole = (reader: Reader, opening: string): readonly Part[] => {
  const { parts, end } = readBody(reader);
  if (end !== "end") throw new Error(`expected an end: ${opening}`);
  return parts;
};

const readAction = (reader: Reader, action: string): Part | undefined => {
  if (action.startsWith("/*") && action.endsWith("*/")) return undefined;
  const [word = ""] = action.split(/\s/, 1);
  const rest = action.slice(word.length).trim();
  switch (word) {
    case "if":
      return readIf(reader, rest);
    case "with":
      return { kind: "with", value: parseExpression(rest), body: readWhole(reader, action) };
    case "define": {
      const name: unknown = JSON.parse(rest);
      reader.defined.set(String(name), readWhole(reader, action));
      return undefined;
    }
    default:
      return { kind: "output", expression: parseExpression(action) };
  }
};

const readBody = (reader: Reader): Body => {
  const parts: Part[] = [];
  for (;;) {
    const piece = reader.pieces[reader.at];
    if (piece === undefined) return { parts, end: "" };
    reader.at += 1;
    if (piece.kind === "text") {
      parts.push({ kind: "text", text: piece.text });
      continue;
    }
    if (piece.text === "end" || /^else\b/.test(piece.text)) return { parts, end: piece.text };
    const part = readAction(reader, piece.text);
    if (part !== undefined) parts.push(part);
  }
};

/** Reads a template; throws what is not understood. */
export const parseTemplate = (source: string): Template => {
  const reader: Reader = { pieces: split(source), defined: new Map(), at: 0 };
  const { parts, end } = readBody(reader);
  if (end !== "") throw new Error(`${end} without a beginning`);
  return { parts, defined: reader.defined };
};
