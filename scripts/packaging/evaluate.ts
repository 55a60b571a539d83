/** Renders what `template.ts` has read, with the functions of Helm's that our chart uses. */
import { stringify } from "yaml";
import type { Expression, Part } from "./template.ts";

/** A value of a template. */
export type Value = string | number | boolean | null | readonly Value[] | { readonly [name: string]: Value };

/** What a template sees. */
export type Surroundings = {
  readonly dot: Value;
  readonly defined: ReadonlyMap<string, readonly Part[]>;
  /** The text of a file of the chart. */
  readonly file: (path: string) => string;
  /** An object that the cluster has; an empty map where it has none. */
  readonly lookup: (kind: string, namespace: string, name: string) => Value;
  /** Told of every path that is looked at, as `Values.image.tag`. */
  readonly seen: (path: string) => void;
};

const isMap = (value: Value): value is { readonly [name: string]: Value } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What `if` takes for false: nothing, zero, and whatever has no members. */
const isEmpty = (value: Value): boolean =>
  value === null ||
  value === "" ||
  value === 0 ||
  value === false ||
  (typeof value === "object" && Object.keys(value).length === 0);

const textOf = (value: Value): string => {
  if (typeof value === "object" && value !== null) throw new Error("a map or list needs toYaml");
  return value === null ? "" : String(value);
};

const indent = (count: Value, text: Value): string =>
  textOf(text)
    .split("\n")
    .map((line) => " ".repeat(Number(count)) + line)
    .join("\n");

/** What is at the end of a path into the last value; the one before it where the path does not lead anywhere. */
const dig = (args: readonly Value[]): Value => {
  if (args.length < 3) throw new Error("dig takes a path, another value and a map");
  let value: Value | undefined = args.at(-1);
  for (const step of args.slice(0, -2)) {
    const name = textOf(step);
    value = value !== undefined && isMap(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  }
  return value ?? args.at(-2) ?? null;
};

const toYaml = (value: Value): string =>
  stringify(value, { sortMapEntries: true, indentSeq: false, lineWidth: 0 }).trimEnd();

const dict = (args: readonly Value[]): Value => {
  if (args.length % 2 !== 0) throw new Error("dict takes pairs");
  return Object.fromEntries(
    args.flatMap((name, at) => (at % 2 === 0 ? [[textOf(name), args[at + 1] ?? null]] : [])),
  );
};

/** Each takes as many values as it says. */
const FUNCTIONS: Readonly<Record<string, { takes: number; apply: (...args: Value[]) => Value }>> = {
  b64enc: { takes: 1, apply: (value = "") => Buffer.from(textOf(value)).toString("base64") },
  default: { takes: 2, apply: (other = "", value = "") => (isEmpty(value) ? other : value) },
  eq: { takes: 2, apply: (left = "", right = "") => left === right },
  indent: { takes: 2, apply: (count = 0, text = "") => indent(count, text) },
  nindent: { takes: 2, apply: (count = 0, text = "") => `\n${indent(count, text)}` },
  not: { takes: 1, apply: (value = "") => isEmpty(value) },
  quote: { takes: 1, apply: (value = "") => JSON.stringify(textOf(value)) },
  // Not random, so that the same values always give the same objects. No secret of ours is made here.
  randAlphaNum: { takes: 1, apply: (length = 0) => "x".repeat(Number(length)) },
  toYaml: { takes: 1, apply: (value = "") => toYaml(value) },
  trim: { takes: 1, apply: (value = "") => textOf(value).trim() },
};

const look = (fields: readonly string[], { dot, seen }: Surroundings): Value => {
  let value = dot;
  for (const field of fields) {
    const next = isMap(value) && Object.hasOwn(value, field) ? value[field] : undefined;
    // Helm would render nothing here; in our chart it is a slip.
    if (next === undefined) throw new Error(`there is no .${fields.join(".")}`);
    value = next;
  }
  seen(fields.join("."));
  return value;
};

const call = (name: string, args: readonly Value[], around: Surroundings): Value => {
  switch (name) {
    case "and":
      return args.find((value) => isEmpty(value)) ?? args.at(-1) ?? null;
    case "or":
      return args.find((value) => !isEmpty(value)) ?? args.at(-1) ?? null;
    case "dict":
      return dict(args);
    case "dig":
      return dig(args);
    case "fail":
      throw new Error(textOf(args[0] ?? ""));
    case "lookup": {
      const [, kind = "", namespace = "", object = ""] = args.map(textOf);
      return around.lookup(kind, namespace, object);
    }
    case "Files.Get":
      return around.file(textOf(args[0] ?? ""));
    case "include": {
      const body = around.defined.get(textOf(args[0] ?? ""));
      if (body === undefined) throw new Error(`no template is called ${args[0]}`);
      return render(body, { ...around, dot: args[1] ?? null });
    }
    default: {
      const known = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
      if (known === undefined) throw new Error(`the function ${name} is not known here`);
      if (known.takes !== args.length) throw new Error(`${name} takes ${known.takes} values`);
      return known.apply(...args);
    }
  }
};

const evaluate = (expression: Expression, around: Surroundings): Value => {
  switch (expression.kind) {
    case "literal":
      return expression.value;
    case "path":
      return look(expression.fields, around);
    default:
      return call(
        expression.name,
        expression.args.map((arg) => evaluate(arg, around)),
        around,
      );
  }
};

const renderPart = (part: Part, around: Surroundings): string => {
  switch (part.kind) {
    case "text":
      return part.text;
    case "output":
      return textOf(evaluate(part.expression, around));
    case "with": {
      const dot = evaluate(part.value, around);
      return isEmpty(dot) ? "" : render(part.body, { ...around, dot });
    }
    default: {
      const chosen = part.branches.find(
        ({ condition }) => condition === undefined || !isEmpty(evaluate(condition, around)),
      );
      return chosen === undefined ? "" : render(chosen.body, around);
    }
  }
};

/** The text of a template. */
export const render = (parts: readonly Part[], around: Surroundings): string =>
  parts.map((part) => renderPart(part, around)).join("");
