/** Objects in files, each with the lines that its values stand on. */
import type { Path } from "#core/config/problem";
import { fieldsOf, listOf } from "#core/kubernetes/read";
import type { InnerDocuments, SourceDocument } from "#core/migration/source";
import { formatProblem } from "#drivers/files/load";
import type { FileProblem, FilesPort, SourceFile } from "#drivers/files/port";
import { parseYaml, type YamlDocument } from "#drivers/files/yaml";

const valueAt = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (found, step) => (typeof step === "number" ? listOf(found)[step] : fieldsOf(found)[step]),
    value,
  );

/** The text under a path as documents; their lines are those of the file, if the text stands there line by line. */
const innerOf = (document: YamlDocument, lines: readonly string[], path: Path): InnerDocuments => {
  const text = valueAt(document.value, path);
  if (typeof text !== "string") return { documents: [], problems: [] };
  const { line, column } = document.locate(path, "value");
  const isBlock = /^[|>]/.test((lines[line - 1] ?? "").slice(column - 1));
  const inFile = (inner: number): number => (isBlock ? Math.min(line + inner, lines.length) : line);
  const parsed = parseYaml({ path: document.file, text });
  return {
    documents: parsed.documents.map((each) => ({
      file: document.file,
      value: each.value,
      lineOf: (rest) => inFile(each.locate(rest, "key").line),
      inner: () => ({ documents: [], problems: [] }),
    })),
    problems: parsed.problems.map((problem) => ({ line: inFile(problem.line), message: problem.message })),
  };
};

const documentsOf = (
  file: SourceFile,
): { readonly documents: SourceDocument[]; readonly problems: string[] } => {
  const parsed = parseYaml(file);
  const lines = file.text.split("\n");
  return {
    documents: parsed.documents.map((document) => ({
      file: document.file,
      value: document.value,
      lineOf: (path) => document.locate(path, "key").line,
      inner: (path) => innerOf(document, lines, path),
    })),
    problems: parsed.problems.map((problem) => formatProblem({ severity: "error", path: "", ...problem })),
  };
};

const unreadText = ({ path, message, hint }: FileProblem): string =>
  formatProblem({
    severity: "error",
    file: path,
    path: "",
    message,
    ...(hint === undefined ? {} : { hint }),
  });

/** The documents of files and directories, or one line for each reason why some cannot be read. */
export const readDocuments = (
  files: FilesPort,
  paths: readonly string[],
): { readonly documents: readonly SourceDocument[]; readonly problems: readonly string[] } => {
  const read = files.read(paths);
  const all = read.files.map(documentsOf);
  return {
    documents: all.flatMap(({ documents }) => documents),
    problems: [...read.problems.map(unreadText), ...all.flatMap(({ problems }) => problems)],
  };
};

/** A file that is JSON as a whole, as `kubectl get --output json` prints it: read in a fraction of the time of YAML. */
const jsonOf = ({ text }: SourceFile): { readonly value: unknown } | undefined => {
  if (!/^\s*\{/.test(text.slice(0, 100))) return undefined;
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
};

/** Characters of YAML that are read: its reader needs some sixty bytes of memory for each. */
const MOST_YAML = 24 * 1024 * 1024;

const valuesOf = (
  file: SourceFile,
): { readonly values: readonly unknown[]; readonly problems: readonly string[] } => {
  const json = jsonOf(file);
  if (json !== undefined) return { values: [json.value], problems: [] };
  if (file.text.length > MOST_YAML) {
    const message = `is larger than ${MOST_YAML / 1024 / 1024} MB, the most that is read of YAML`;
    return {
      values: [],
      problems: [
        unreadText({ path: file.path, message, hint: "Print it as JSON: kubectl get --output json." }),
      ],
    };
  }
  const { documents, problems } = documentsOf(file);
  return { values: documents.map(({ value }) => value), problems };
};

/** The same without places: for large files, and where nothing is said about lines. */
export const readValues = (
  files: FilesPort,
  paths: readonly string[],
): { readonly values: readonly unknown[]; readonly problems: readonly string[] } => {
  const read = files.read(paths);
  const all = read.files.map(valuesOf);
  return {
    values: all.flatMap(({ values }) => values),
    problems: [...read.problems.map(unreadText), ...all.flatMap(({ problems }) => problems)],
  };
};
