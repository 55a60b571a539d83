/** From paths to the desired state, or to every problem with its place. */
import type { Desired } from "#core/config/desired";
import { parseResources } from "#core/config/parse";
import { formatPath, type Path, type Problem } from "#core/config/problem";
import type { Host } from "#core/vip/host";
import type { FilesPort } from "./port.ts";
import { parseYaml, type YamlDocument } from "./yaml.ts";

/** A problem and the place in the files where it is mended. */
export type LocatedProblem = {
  readonly severity: "error" | "warning";
  readonly file: string;
  /** From 1; `undefined` when the file as a whole is meant. */
  readonly line?: number;
  /** From 1. */
  readonly column?: number;
  /** Keys down to the value, such as `spec.priority`; empty when none is meant. */
  readonly path: string;
  readonly message: string;
  readonly hint?: string;
};

/** A configuration that may run, or every reason why not. */
export type Loaded =
  | {
      readonly ok: true;
      readonly desired: Desired;
      readonly warnings: readonly LocatedProblem[];
      /** The files read, as shown to the operator. */
      readonly files: readonly string[];
    }
  | { readonly ok: false; readonly problems: readonly LocatedProblem[] };

/** A document that is in no file, such as the flags of a command line. */
export type GivenDocument = {
  /** Where it comes from, for people. */
  readonly source: string;
  readonly value: unknown;
  /** What a path into it is called there. */
  readonly nameOf: (path: Path) => string;
};

/** What besides files makes a configuration. */
export type Surroundings = {
  readonly given?: readonly GivenDocument[];
  /** Asked for this machine's addresses when a resource depends on them. */
  readonly host?: Host;
};

type Source = {
  readonly file: string;
  readonly value: unknown;
  readonly place: (problem: Problem) => Pick<LocatedProblem, "line" | "column" | "path">;
};

const fromFile = ({ file, value, locate }: YamlDocument): Source => ({
  ...{ file, value },
  place: ({ path, at }) => ({ ...locate(path, at), path: formatPath(path) }),
});

const fromElsewhere = ({ source, value, nameOf }: GivenDocument): Source => ({
  ...{ file: source, value },
  place: ({ path }) => ({ path: nameOf(path) }),
});

const located = (problem: Problem, source: Source | undefined): LocatedProblem => ({
  severity: problem.severity,
  file: source?.file ?? "",
  ...(source?.place(problem) ?? { path: formatPath(problem.path) }),
  message: problem.message,
  ...(problem.hint === undefined ? {} : { hint: problem.hint }),
});

/** File by file, from the top of each to its end. */
const inReadingOrder = (problems: readonly LocatedProblem[]): readonly LocatedProblem[] => {
  const order = [...new Set(problems.map(({ file }) => file))];
  return problems.toSorted(
    (left, right) =>
      order.indexOf(left.file) - order.indexOf(right.file) ||
      (left.line ?? 0) - (right.line ?? 0) ||
      (left.column ?? 0) - (right.column ?? 0),
  );
};

/** Reads, parses and checks a configuration. Never throws. */
export const loadConfiguration = (
  files: FilesPort,
  paths: readonly string[],
  { given = [], host }: Surroundings = {},
): Loaded => {
  const read = files.read(paths);
  const parsed = read.files.map(parseYaml);
  const documents = [...parsed.flatMap((file) => file.documents.map(fromFile)), ...given.map(fromElsewhere)];
  const unreadable: LocatedProblem[] = [
    ...read.problems.map(
      (problem) => ({ severity: "error", path: "", file: problem.path, ...withoutPath(problem) }) as const,
    ),
    ...parsed.flatMap((file) =>
      file.problems.map((problem) => ({ severity: "error", path: "", ...problem }) as const),
    ),
  ];
  const outcome = parseResources(
    documents.map(({ value }) => value),
    { hidden: unreadable.length > 0, ...(host === undefined ? {} : { host }) },
  );
  const found = (outcome.ok ? outcome.warnings : outcome.problems).map((problem) =>
    located(problem, documents[problem.document]),
  );
  // What a broken file would have defined is not missing, so only mistakes are worth showing beside it.
  if (unreadable.length > 0) {
    const errors = found.filter(({ severity }) => severity === "error");
    return { ok: false, problems: inReadingOrder([...unreadable, ...errors]) };
  }
  if (!outcome.ok) return { ok: false, problems: inReadingOrder(found) };
  if (documents.length === 0) return { ok: false, problems: [nothingIn(paths)] };
  return {
    ok: true,
    desired: outcome.desired,
    warnings: inReadingOrder(found),
    files: read.files.map(({ path }) => path),
  };
};

const withoutPath = ({ message, hint }: { readonly message: string; readonly hint?: string }) => ({
  message,
  ...(hint === undefined ? {} : { hint }),
});

/** An empty file is more likely half written than a wish to stop everything. */
const nothingIn = (paths: readonly string[]): LocatedProblem => ({
  severity: "error",
  file: paths.join(", "),
  path: "",
  message: "holds no resource, or only comments",
  hint: "To stop serving, stop the program.",
});

/** One line: `edge.yaml:14:9 spec.priority: 300 is above 255. Use 1..254, or 255 for the owner of the addresses.` */
export const formatProblem = ({
  severity,
  file,
  line,
  column,
  path,
  message,
  hint,
}: LocatedProblem): string => {
  const place = line === undefined ? file : `${file}:${line}:${column ?? 1}`;
  const labels = [...(severity === "warning" ? ["warning"] : []), ...(path === "" ? [] : [path])];
  const subject = labels.length === 0 ? "" : ` ${labels.join(": ")}`;
  return `${place}${subject}: ${message}.${hint === undefined ? "" : ` ${hint}`}`;
};
