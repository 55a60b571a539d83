/** What importers read: documents that know on which line each of their values stands. */
import type { Path } from "#core/config/problem";
import { fieldsOf, listOf, textOf } from "#core/kubernetes/read";

/** One object as it stood in a file. */
export type SourceDocument = {
  readonly file: string;
  readonly value: unknown;
  /** The line, from 1, of what a path leads to, or of its nearest parent. */
  lineOf(path: Path): number;
  /** Reads the text under a path as YAML: ConfigMaps hold such text. */
  inner(path: Path): InnerDocuments;
};

/** What a text within a document holds. */
export type InnerDocuments = {
  readonly documents: readonly SourceDocument[];
  /** Why the text, or a part of it, is no YAML. */
  readonly problems: readonly { readonly line: number; readonly message: string }[];
};

const isList = (value: unknown): boolean => {
  const { kind, items } = fieldsOf(value);
  return textOf(kind).endsWith("List") && Array.isArray(items);
};

/** The part of a document under a path, as a document of its own. */
const partOf = (document: SourceDocument, path: Path, value: unknown): SourceDocument => ({
  file: document.file,
  value,
  lineOf: (rest) => document.lineOf([...path, ...rest]),
  inner: (rest) => document.inner([...path, ...rest]),
});

/** The documents with lists, as `kubectl get -o yaml` prints them, replaced by what they hold. */
export const flatten = (documents: readonly SourceDocument[]): readonly SourceDocument[] =>
  documents.flatMap((document) =>
    isList(document.value)
      ? flatten(
          listOf(fieldsOf(document.value).items).map((item, index) =>
            partOf(document, ["items", index], item),
          ),
        )
      : [document],
  );

/** `Service shop/web`: what a document says it is, bounded. */
export const labelOf = (value: unknown): string => {
  const { kind, metadata } = fieldsOf(value);
  const { namespace, name } = fieldsOf(metadata);
  const key = [namespace, name]
    .map(textOf)
    .filter((part) => part !== "")
    .join("/");
  return [textOf(kind), key]
    .filter((part) => part !== "")
    .join(" ")
    .slice(0, 120);
};
