/** Documents for tests, read by the YAML library alone; each value stands on the line of its key. */
import { isMap, isNode, isSeq, LineCounter, parseAllDocuments } from "yaml";
import type { Path } from "#core/config/problem";
import { fieldsOf, listOf } from "#core/kubernetes/read";
import { type Format, importDocuments } from "./importers.ts";
import type { SourceDocument } from "./source.ts";

const valueAt = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (found, step) => (typeof step === "number" ? listOf(found)[step] : fieldsOf(found)[step]),
    value,
  );

const offsetAt = (contents: unknown, path: Path): number => {
  let node = contents;
  let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0;
  for (const step of path) {
    const pair = isMap(node) ? node.items.find(({ key }) => String(key) === String(step)) : undefined;
    const place = isSeq(node) ? node.items[Number(step)] : pair?.key;
    if (!isNode(place)) return offset;
    offset = place.range?.[0] ?? offset;
    node = isSeq(node) ? place : pair?.value;
  }
  return offset;
};

/** The documents of a text; lines of a text within count from that text's own beginning. */
export const documentsOf = (text: string, file = "f.yaml"): readonly SourceDocument[] => {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, { lineCounter: lines, stringKeys: true, logLevel: "silent" });
  return (Array.isArray(parsed) ? parsed : []).map((document) => {
    const value: unknown = document.errors.length > 0 ? undefined : document.toJS();
    return {
      file,
      value,
      lineOf: (path) => Math.max(1, lines.linePos(offsetAt(document.contents, path)).line),
      inner: (path) => {
        const within = valueAt(value, path);
        return { documents: typeof within === "string" ? documentsOf(within, file) : [], problems: [] };
      },
    };
  });
};

/** What a text becomes, and each note as `LINE FATE SUBJECT: TEXT`. */
export const imported = (format: Format, text: string) => {
  const { resources, commands, notes } = importDocuments(documentsOf(text), { format, namespace: undefined });
  return {
    resources,
    commands,
    notes: notes.map(({ place, fate, subject, text: said }) => `${place.line} ${fate} ${subject}: ${said}`),
    /** The specs of a kind by the names of the resources. */
    specs: (kind: string): Readonly<Record<string, object>> =>
      Object.fromEntries(
        resources
          .filter(({ value }) => value.kind === kind)
          .map(({ value }) => [value.metadata.name, value.spec]),
      ),
  };
};
