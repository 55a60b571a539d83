/** What is wrong with an object, or between objects, said so that whoever wrote them can mend it. */
import { type Finding, formatPath, type Path } from "#core/config/problem";
import type { TextMap } from "#core/kubernetes/meta";

/** One finding about one value of one object. */
export type ObjectProblem = Finding & {
  /** Kind of the object; as written, if it is none of ours. */
  readonly kind: string;
  /** `namespace/name` of the object, or its place in the list that was read. */
  readonly object: string;
  /**
   * Whether it may mend itself when another object arrives. Webhooks let it pass, since objects come in any order; a
   * configuration with it is not taken all the same.
   */
  readonly isTransient: boolean;
};

/** A finding before it is known in which object it lies. */
export type Found = Finding & { readonly isTransient?: true };

/** Which object is meant, and what selectors look at. */
export type Place = {
  readonly kind: string;
  readonly object: string;
  readonly namespace: string;
  readonly name: string;
  readonly labels: TextMap;
  /** Ours only, which extend what a kind has fields for. */
  readonly annotations: TextMap;
};

/** A checked spec and the object that holds it. */
export type Placed<Spec> = { readonly place: Place; readonly spec: Spec };

/** A finding of something that another object, not there yet, may mend. */
export const transient = (finding: Finding): Found => ({ ...finding, isTransient: true });

const LONGEST_STEP = 64;
const LONGEST_PATH = 300;
const LONGEST_OBJECT = 300;

/** The text, cut at `length` characters. */
export const clip = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, length - 3)}...`;

const bounded = (path: Path): Path =>
  path.map((step) => (typeof step === "string" ? clip(step, LONGEST_STEP) : step));

/** The problem that a finding is in an object. */
export const problemIn = (place: Pick<Place, "kind" | "object">, found: Found): ObjectProblem => ({
  ...found,
  path: bounded(found.path),
  kind: clip(place.kind, LONGEST_STEP),
  object: clip(place.object, LONGEST_OBJECT),
  isTransient: found.isTransient ?? false,
});

/** `IPAddressPool metallb-system/a, spec.addresses[0]: "x" is no prefix. Write ...`; bounded, one line. */
export const formatObjectProblem = ({ kind, object, path, message, hint }: ObjectProblem): string => {
  const where = formatPath(path);
  const place = where === "" ? "" : `, ${clip(where, LONGEST_PATH)}`;
  return `${kind} ${object}${place}: ${message}${hint === undefined ? "" : `. ${hint}`}`;
};

/** Problems as text, one a line, cut after about `length` characters; says how many were left out. */
export const formatObjectProblems = (problems: readonly ObjectProblem[], length: number): string => {
  const lines: string[] = [];
  let rest = length;
  for (const [index, problem] of problems.entries()) {
    const line = clip(formatObjectProblem(problem), Math.max(80, length - 40));
    rest -= line.length + 1;
    if (rest < 0 && index > 0) return [...lines, `and ${problems.length - index} more`].join("\n");
    lines.push(line);
  }
  return lines.join("\n");
};

/** The most problems that are told at once. */
const MOST = 100;

/** The first hundred problems; a last one says how many there are besides. */
export const firstProblems = (problems: readonly ObjectProblem[]): readonly ObjectProblem[] => {
  const [first] = problems;
  if (first === undefined || problems.length <= MOST) return problems;
  const errors = problems.filter(({ severity }) => severity === "error");
  const told = [...errors, ...problems.filter(({ severity }) => severity === "warning")].slice(0, MOST);
  const more = problems.length - MOST;
  const last: ObjectProblem = {
    ...first,
    severity: errors.length > MOST ? "error" : "warning",
    path: [],
    at: "value",
    message: `there are ${more} more problems in this and other objects`,
    isTransient: false,
  };
  return [...told, last];
};
