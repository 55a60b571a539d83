/**
 * Answers to the API server's question whether a change may be made (AdmissionReview of admission.k8s.io/v1).
 *
 * Refused is what makes the configuration worse: an error that was not there before. Errors that other objects have already do
 * not lock this one; they are told as warnings. What another object may mend passes with a warning as well, since objects come
 * in any order.
 */
import { error, show } from "#core/config/problem";
import { isSection } from "#core/config/unknown-keys";
import { objectKey } from "#core/kubernetes/meta";
import { isConfigured, isKind, KINDS, type Kind } from "./kinds.ts";
import { clip, formatObjectProblem, formatObjectProblems, type ObjectProblem, problemIn } from "./problem.ts";
import { examine, type Sources } from "./read.ts";

type Section = Readonly<Record<string, unknown>>;

/** What the answer depends on besides the request: the objects there are, and where they must lie. */
export type Current = Sources & {
  /** The one namespace from which a configuration is read. */
  readonly namespace: string;
};

/** The answer to an AdmissionReview. */
export type AdmissionAnswer = {
  readonly apiVersion: "admission.k8s.io/v1";
  readonly kind: "AdmissionReview";
  readonly response: {
    readonly uid: string;
    readonly allowed: boolean;
    /** Why not. */
    readonly status?: { readonly code: 400 | 403 | 422; readonly message: string };
    readonly warnings?: readonly string[];
  };
};

/** A decision before it is put into words for the API server. */
type Decision =
  | { readonly allowed: true; readonly warnings: readonly ObjectProblem[] }
  | { readonly allowed: false; readonly code: 400 | 403 | 422; readonly message: string };

/** What is asked. */
type Request = {
  readonly operation: string;
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  readonly object: Section;
  readonly oldObject: Section;
};

const LONGEST_MESSAGE = 8_192;
/** The API server cuts warnings that are longer, and drops them beyond about sixteen of these. */
const LONGEST_WARNING = 250;
const MOST_WARNINGS = 16;

const sectionOf = (value: unknown): Section => (isSection(value) ? value : {});
const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

const allowed = (warnings: readonly ObjectProblem[] = []): Decision => ({ allowed: true, warnings });

const denied = (code: 400 | 403 | 422, message: string): Decision => ({
  allowed: false,
  code,
  message: clip(message, LONGEST_MESSAGE),
});

const isSame = (raw: unknown, { kind, namespace, name }: Request): boolean => {
  if (!isSection(raw) || raw.kind !== kind) return false;
  const metadata = sectionOf(raw.metadata);
  return metadata.name === name && textOf(metadata.namespace) === namespace;
};

/** The object as it will be stored; a name that the API server has yet to make up is filled in. */
const stored = ({ kind, namespace, name, object }: Request): Section => ({
  ...object,
  kind,
  metadata: { ...sectionOf(object.metadata), namespace, name },
});

/** The same for problems that are the same wherever in their object they stand now. */
const identity = ({ kind, object, message }: ObjectProblem): string =>
  JSON.stringify([kind, object, message]);

const isFatal = ({ severity, isTransient }: ObjectProblem): boolean => severity === "error" && !isTransient;

const immutableProblems = ({ kind, object, oldObject }: Request): readonly ObjectProblem[] => {
  const before = sectionOf(oldObject.spec).enableGracefulRestart;
  const now = sectionOf(object.spec).enableGracefulRestart;
  if (kind !== "BGPPeer" || before === undefined || now === undefined || before === now) return [];
  const metadata = sectionOf(object.metadata);
  const key = objectKey({ namespace: textOf(metadata.namespace), name: textOf(metadata.name) });
  const finding = error(
    ["spec", "enableGracefulRestart"],
    "cannot be changed",
    "Delete the peer and create it anew.",
  );
  return [problemIn({ kind, object: key }, finding)];
};

const judgeChange = (request: Request, current: Current): Decision => {
  const others = current.objects.filter((raw) => !isSame(raw, request));
  const before = examine(current).problems.filter(isFatal);
  const after = examine({ ...current, objects: [...others, stored(request)] }).problems;
  const known = new Set(before.map(identity));
  const worse = [
    ...immutableProblems(request),
    ...after.filter((problem) => isFatal(problem) && !known.has(identity(problem))),
  ];
  if (worse.length > 0) return denied(422, formatObjectProblems(worse, LONGEST_MESSAGE));
  const own = objectKey(request);
  return allowed(
    after.filter((problem) => isFatal(problem) || (problem.kind === request.kind && problem.object === own)),
  );
};

/** A BFDProfile that a peer names must stay: its session would lose its watch, and the configuration become invalid. */
const judgeDelete = ({ kind, name }: Request, { objects }: Current): Decision => {
  if (kind !== "BFDProfile") return allowed();
  const users = objects.flatMap((raw) => {
    const isUser = isSection(raw) && raw.kind === "BGPPeer" && sectionOf(raw.spec).bfdProfile === name;
    return isUser ? [clip(textOf(sectionOf(raw.metadata).name), 100)] : [];
  });
  if (users.length === 0) return allowed();
  const shown = users.slice(0, 10).join(", ");
  const more = users.length > 10 ? ` and ${users.length - 10} more` : "";
  return denied(
    403,
    `BFDProfile ${clip(name, 100)} is in use by BGPPeer ${shown}${more}. Change them first.`,
  );
};

const judge = (request: Request, current: Current): Decision => {
  const { operation, kind, namespace, object } = request;
  if (!isConfigured(kind)) return allowed();
  if (operation === "DELETE") return judgeDelete(request, current);
  if (operation !== "CREATE" && operation !== "UPDATE") return allowed();
  // An object on its way out must be able to lose its finalizers, whatever is wrong with it.
  if (sectionOf(object.metadata).deletionTimestamp !== undefined) return allowed();
  if (namespace !== current.namespace) {
    const where = `${kind} must be in namespace ${current.namespace}, not in ${show(namespace)}`;
    return denied(403, `${where}. Only that namespace is read.`);
  }
  return judgeChange(request, current);
};

const requestOf = (raw: Section): Request | "foreign" | "malformed" => {
  const { operation, kind, object, oldObject } = raw;
  if (typeof operation !== "string" || !isSection(kind)) return "malformed";
  if (!isKind(kind.kind) || KINDS[kind.kind].group !== kind.group) return "foreign";
  if (textOf(raw.subResource) !== "") return "foreign";
  const isChange = operation === "CREATE" || operation === "UPDATE";
  if (isChange && !isSection(object)) return "malformed";
  const metadata = sectionOf(sectionOf(isChange ? object : oldObject).metadata);
  return {
    operation,
    kind: kind.kind,
    namespace: textOf(raw.namespace ?? metadata.namespace),
    name: textOf(raw.name) || textOf(metadata.name) || "(generated)",
    object: sectionOf(object),
    oldObject: sectionOf(oldObject),
  };
};

const decide = (raw: Section, current: Current): Decision => {
  const request = requestOf(raw);
  if (request === "malformed") return denied(400, "the review has no operation, kind or object");
  return request === "foreign" ? allowed() : judge(request, current);
};

/** Answers an AdmissionReview; whatever it holds, there is an answer, and its length is bounded. */
export const answerAdmission = (review: unknown, current: Current): AdmissionAnswer => {
  const raw = sectionOf(sectionOf(review).request);
  const decision = decide(raw, current);
  const warnings = decision.allowed
    ? decision.warnings
        .slice(0, MOST_WARNINGS)
        .map((problem) => clip(formatObjectProblem(problem), LONGEST_WARNING))
    : [];
  return {
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    response: {
      uid: textOf(raw.uid),
      allowed: decision.allowed,
      ...(decision.allowed ? {} : { status: { code: decision.code, message: decision.message } }),
      ...(warnings.length === 0 ? {} : { warnings }),
    },
  };
};
