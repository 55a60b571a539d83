/** Adds entries to a list in a YAML file that people keep by hand: comments, order and all else stay. */
import { isDeepStrictEqual } from "node:util";
import { type Document, isMap, isScalar, isSeq, parseAllDocuments } from "yaml";
import { keepSpacing } from "#core/api-server/difference";
import { styleOf } from "#core/api-server/yaml-style";

export type ListEdit = {
  /** Which of several documents: the one whose `kind` is this; `undefined` takes the first. */
  readonly kind?: string;
  /** Keys that lead to the list; maps that are not there yet are made. */
  readonly path: readonly string[];
  readonly values: readonly string[];
};

export type Edited =
  | { readonly ok: true; readonly text: string }
  /** The end of a sentence that begins with the file's name. Never holds a word of the text. */
  | { readonly ok: false; readonly problem: string };

const MOST_ALIASES = 100;

const fail = (problem: string): { readonly ok: false; readonly problem: string } => ({ ok: false, problem });

type Parsed =
  | { readonly ok: true; readonly documents: readonly Document[] }
  | { readonly ok: false; readonly problem: string };

const parse = (text: string): Parsed => {
  const documents = parseAllDocuments(text, { prettyErrors: false, logLevel: "error" });
  if (!Array.isArray(documents)) return { ok: true, documents: [] };
  for (const { errors } of documents) {
    const [first] = errors;
    if (first !== undefined) {
      return fail(`line ${text.slice(0, first.pos[0]).split("\n").length} is not YAML (${first.code})`);
    }
  }
  return { ok: true, documents };
};

const plain = (document: Document): unknown => document.toJS({ maxAliasCount: MOST_ALIASES });

const isOfKind = (document: Document, kind: string | undefined): boolean =>
  kind === undefined || document.get("kind") === kind;

const listAt = (value: unknown, path: readonly string[]): unknown => {
  let at = value;
  for (const key of path) at = typeof at === "object" && at !== null ? Reflect.get(at, key) : undefined;
  return at;
};

/** What stands in a list of a text, one text standing for a list of one, and commas between several; `undefined` when the key is not there. */
export const readYamlList = (
  text: string,
  { kind, path }: Pick<ListEdit, "kind" | "path">,
):
  | { readonly ok: true; readonly values: readonly string[] | undefined }
  | { readonly ok: false; readonly problem: string } => {
  const parsed = parse(text);
  if (!parsed.ok) return parsed;
  try {
    const document = parsed.documents.find((each) => isOfKind(each, kind));
    const list = document === undefined ? undefined : listAt(plain(document), path);
    if (list === undefined || list === null) return { ok: true, values: undefined };
    const values = (Array.isArray(list) ? list : [list]).flatMap((each) => String(each).split(","));
    return { ok: true, values: values.map((each) => each.trim()).filter((each) => each !== "") };
  } catch {
    return fail("cannot be read (too many aliases)");
  }
};

const extend = (document: Document, path: readonly string[], values: readonly string[]): boolean => {
  const node: unknown = document.getIn(path, true);
  if (isSeq(node)) {
    // `[]` grows in lines, as the rest of such files is written.
    if (node.items.length === 0) node.flow = false;
    for (const value of values) node.add(document.createNode(value));
    return true;
  }
  if (isMap(node) || (!isScalar(node) && node !== undefined)) return false;
  const text = isScalar(node) && node.value !== null ? String(node.value) : "";
  const before = text
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");
  // A map that is written `{}` cannot have lines in it.
  for (let depth = 1; depth < path.length; depth += 1) {
    const parent: unknown = document.getIn(path.slice(0, depth), true);
    if (isMap(parent) && parent.items.length === 0) parent.flow = false;
  }
  document.setIn([...path], document.createNode([...before, ...values]));
  return true;
};

/** The plain values with the list as it is to be, for comparison. */
const without = (value: unknown, path: readonly string[]): unknown => {
  const [key, ...rest] = path;
  if (key === undefined) return undefined;
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return rest.length === 0 ? {} : value;
  const { [key]: inner, ...others } = value as Record<string, unknown>;
  if (rest.length === 0) return others;
  const left = without(inner ?? {}, rest);
  const isEmpty = typeof left === "object" && left !== null && Object.keys(left).length === 0;
  return isEmpty ? others : { ...others, [key]: left };
};

/** The text with these values at the end of the list. Everything but the list is compared before and after. */
export const addToYamlList = (text: string, { kind, path, values }: ListEdit): Edited => {
  const parsed = parse(text);
  if (!parsed.ok) return parsed;
  try {
    const [first] = parsed.documents;
    if (
      first === undefined ||
      (parsed.documents.length === 1 && first.contents === null && kind === undefined)
    ) {
      return freshText(text, path, values);
    }
    const document = parsed.documents.find((each) => isOfKind(each, kind));
    if (document === undefined) return fail(`holds no ${kind}`);
    if (!isMap(document.contents)) return fail("holds no keys with values");
    const before = parsed.documents.map(plain);
    if (!extend(document, path, values)) return fail(`${path.join(".")} is no list`);
    const meant = parsed.documents.map(plain);
    const isElseSame = before.every((each, index) => {
      const isOurs = parsed.documents[index] === document;
      const [was, is] = isOurs ? [without(each, path), without(meant[index], path)] : [each, meant[index]];
      return isDeepStrictEqual(is, was);
    });
    const style = styleOf(text);
    const written = parsed.documents.map((each) => each.toString(style)).join("");
    const means = (candidate: string): boolean => {
      const again = parse(candidate);
      return again.ok && isDeepStrictEqual(again.documents.map(plain), meant);
    };
    const best = [keepSpacing(text, written), written].find(means);
    return best !== undefined && isElseSame
      ? { ok: true, text: best }
      : fail("cannot be changed without touching something else (anchors?): add the names by hand");
  } catch {
    return fail("cannot be changed: add the names by hand");
  }
};

/** A file that is empty, or holds comments only. */
const freshText = (text: string, path: readonly string[], values: readonly string[]): Edited => {
  const [key, ...more] = path;
  if (key === undefined || more.length > 0) return fail("holds nothing");
  const start = text === "" || text.endsWith("\n") ? text : `${text}\n`;
  const [quoted = ""] = /^[\w-]+$/.test(key) ? [key] : [JSON.stringify(key)];
  return {
    ok: true,
    text: `${start}${quoted}:\n${values.map((value) => `- ${JSON.stringify(value)}\n`).join("")}`,
  };
};

/** The text with one key of a document set to a text. */
export const setYamlText = (
  text: string,
  { kind, key, value }: { readonly kind: string; readonly key: string; readonly value: string },
): Edited => {
  const parsed = parse(text);
  if (!parsed.ok) return parsed;
  const document = parsed.documents.find((each) => isOfKind(each, kind));
  if (document === undefined || !isMap(document.contents)) return fail(`holds no ${kind}`);
  document.set(key, value);
  return { ok: true, text: document.toString({ lineWidth: 0, directives: false }) };
};
