/** What is wrong with a configuration, said so that the operator can mend it without reading our source. */

/** Keys and list positions from the top of a document to the value meant. */
export type Path = readonly (string | number)[];

/** One finding about one value of one document. */
export type Problem = {
  /** An `error` refuses the whole configuration; a `warning` is shown and the configuration runs. */
  readonly severity: "error" | "warning";
  /** Position of the document in the list that was parsed, from 0. */
  readonly document: number;
  readonly path: Path;
  /** Whether the key itself is meant or the value under it. */
  readonly at: "key" | "value";
  /** What is wrong: no capital, no full stop, the offending value included. */
  readonly message: string;
  /** What to write instead, as a sentence; `undefined` when the message says it. */
  readonly hint?: string;
};

/** A problem before it is known which document it lies in. */
export type Finding = Omit<Problem, "document">;

const finding = (
  severity: "error" | "warning",
  path: Path,
  message: string,
  hint: string | undefined,
): Finding => ({ severity, path, at: "value", message, ...(hint === undefined ? {} : { hint }) });

/** A finding that refuses the configuration. */
export const error = (path: Path, message: string, hint?: string): Finding =>
  finding("error", path, message, hint);

/** A finding that is shown while the configuration runs. */
export const warning = (path: Path, message: string, hint?: string): Finding =>
  finding("warning", path, message, hint);

/** `spec.backends[2].port`; the empty path gives the empty text. */
export const formatPath = (path: Path): string =>
  path.reduce<string>((text, step) => {
    if (typeof step === "number") return `${text}[${step}]`;
    return text === "" ? step : `${text}.${step}`;
  }, "");

/** A value as it may appear in a message: quoted text, bounded length, lists and sections only named. */
export const show = (value: unknown): string => {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a section with keys";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
};
