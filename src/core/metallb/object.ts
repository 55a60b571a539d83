/** Reads one raw object: what it is, and the spec that its kind's schema finds in it. */
import * as v from "valibot";
import { findingsOf } from "#core/config/issues";
import { nearestHint } from "#core/config/nearest";
import { error, type Finding, formatPath, show, warning } from "#core/config/problem";
import { isSection, unknownKeys } from "#core/config/unknown-keys";
import { objectKey, type TextMap } from "#core/kubernetes/meta";
import { newerPeer } from "./conversion.ts";
import { isKind, KINDS, type Kind, METALLB_GROUP, OWN_GROUP } from "./kinds.ts";
import { clip, type Place } from "./problem.ts";

type Section = Readonly<Record<string, unknown>>;

/** What an object is: one of a kind that we know, one that is none of ours, or one that cannot be read. */
export type Identified =
  | { readonly type: "known"; readonly kind: Kind; readonly place: Place; readonly object: Section }
  | { readonly type: "foreign"; readonly place: Place; readonly finding: Finding }
  | { readonly type: "unreadable"; readonly place: Place; readonly finding: Finding };

/** Deeper than any schema; what lies below is not looked at. */
const DEEPEST = 16;

/**
 * The value without keys whose value is null: the API server removes them, and in a file they stand for "not given".
 */
const withoutNulls = (value: unknown, depth = 0): unknown => {
  if (depth > DEEPEST) return value;
  if (Array.isArray(value)) return value.map((item) => withoutNulls(item, depth + 1));
  if (!isSection(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null && inner !== undefined)
      .map(([key, inner]) => [key, withoutNulls(inner, depth + 1)]),
  );
};

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

const textsOf = (value: unknown, prefix = ""): TextMap =>
  isSection(value)
    ? Object.fromEntries(
        Object.entries(value).flatMap(([key, text]): [string, string][] =>
          typeof text === "string" && key.startsWith(prefix) ? [[key, text]] : [],
        ),
      )
    : {};

const placeOf = (object: Section, index: number): Place => {
  const metadata = isSection(object.metadata) ? object.metadata : {};
  const namespace = textOf(metadata.namespace);
  const name = textOf(metadata.name);
  return {
    kind: textOf(object.kind) === "" ? "object" : clip(textOf(object.kind), 64),
    object: name === "" ? `#${index + 1}` : objectKey({ namespace, name }),
    namespace,
    name,
    labels: textsOf(metadata.labels),
    annotations: textsOf(metadata.annotations, `${OWN_GROUP}/`),
  };
};

/** Kinds that MetalLB once had. */
const FORMER: ReadonlyMap<string, string> = new Map([
  ["AddressPool", "Use IPAddressPool with L2Advertisement or BGPAdvertisement, as since MetalLB 0.13."],
]);

const kindFinding = (kind: unknown): Finding =>
  warning(
    ["kind"],
    `${show(kind)} is not read here`,
    typeof kind === "string" ? (FORMER.get(kind) ?? nearestHint(kind, Object.keys(KINDS))) : undefined,
  );

/** What an object at this place of a list is. */
export const identify = (raw: unknown, index: number): Identified => {
  if (!isSection(raw)) {
    const nameless = { kind: "object", object: `#${index + 1}`, namespace: "", name: "" };
    const place: Place = { ...nameless, labels: {}, annotations: {} };
    return { type: "unreadable", place, finding: error([], `${show(raw)} is not an object`) };
  }
  const place = placeOf(raw, index);
  const { kind, apiVersion } = raw;
  const [group = "", version = ""] = textOf(apiVersion).split("/", 2);
  if (!isKind(kind)) return { type: "foreign", place, finding: kindFinding(kind) };
  const { group: wanted, versions } = KINDS[kind];
  if (group !== wanted && group !== METALLB_GROUP && group !== OWN_GROUP) {
    return { type: "foreign", place, finding: kindFinding(`${textOf(apiVersion)} ${kind}`) };
  }
  const known = versions.map(({ name }) => `${wanted}/${name}`);
  if (group !== wanted || !versions.some(({ name }) => name === version)) {
    const finding = error(["apiVersion"], `${show(apiVersion)} is not known`, `Write ${known.join(" or ")}.`);
    return { type: "unreadable", place, finding };
  }
  if (place.name === "") {
    return { type: "unreadable", place, finding: error(["metadata", "name"], "is missing", "Give a name.") };
  }
  const isOlder = kind === "BGPPeer" && version === "v1beta1";
  return { type: "known", kind, place, object: isOlder ? newerPeer(raw) : raw };
};

/** The checked spec, if it can be read at all, and what is wrong with it. */
export type SpecRead<Spec> = { readonly spec?: Spec; readonly findings: readonly Finding[] };

/** One finding for each path: the first. */
const onePerPath = (findings: readonly Finding[]): readonly Finding[] => {
  const seen = new Set<string>();
  return findings.filter(({ path }) => {
    const key = formatPath(path);
    return seen.has(key) ? false : seen.add(key);
  });
};

/** The most findings told of one object's shape. */
const MOST = 100;

/** Reads the spec of an object; an absent one is read as empty. Keys that are not known are told as warnings. */
export const readSpec = <Spec>(schema: v.GenericSchema<unknown, Spec>, object: Section): SpecRead<Spec> => {
  const written = withoutNulls(object.spec ?? {});
  const result = v.safeParse(schema, written);
  const unknown = unknownKeys(schema, written, ["spec"])
    .filter(({ at }) => at === "key")
    .slice(0, MOST)
    .map((finding): Finding => ({ ...finding, severity: "warning" }));
  if (result.success) return { spec: result.output, findings: unknown };
  const findings = result.issues.slice(0, MOST).flatMap((issue) => findingsOf(issue, ["spec"]));
  return { findings: [...unknown, ...onePerPath(findings)] };
};
