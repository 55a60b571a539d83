/**
 * Reads fields of objects as they come out of JSON or YAML.
 *
 * Never throws. A field of another type than expected counts as absent: what the API server validated is right, and what
 * somebody wrote into a file is checked elsewhere, with messages.
 */
import type { Condition } from "./condition.ts";
import type { ObjectMeta, TextMap } from "./meta.ts";

/** An object with unknown fields. */
export type Fields = Readonly<Record<string, unknown>>;

const NO_FIELDS: Fields = {};
const NO_TEXT: TextMap = {};

/** The value as an object; one without fields if it is none. */
export const fieldsOf = (value: unknown): Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : NO_FIELDS;

/** The value as a list; empty if it is none. */
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** The value as text; `""` if it is none. */
export const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

/** The value as text that says something; `undefined` if it is none or empty. */
export const textIn = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;

/** The value as a whole number from 0 up; 0 if it is none. */
export const countOf = (value: unknown): number =>
  Number.isSafeInteger(value) ? Math.max(0, Number(value)) : 0;

/** One of the words; the first of them if it is none. */
export const wordOf = <const Word extends string>(value: unknown, words: readonly [Word, ...Word[]]): Word =>
  words.find((word) => word === value) ?? words[0];

/** The text under each name that `isKept` admits. */
export const textMapOf = (value: unknown, isKept?: (name: string) => boolean): TextMap => {
  const entries = Object.entries(fieldsOf(value)).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string" && (isKept?.(entry[0]) ?? true),
  );
  return entries.length === 0 ? NO_TEXT : Object.fromEntries(entries);
};

const secondsOf = (value: unknown): number => {
  const milliseconds = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isNaN(milliseconds) ? 0 : Math.floor(milliseconds / 1_000);
};

/** The metadata of an object; `undefined` if it has no name. */
export const metaOf = (
  object: unknown,
  isAnnotationKept?: (name: string) => boolean,
): ObjectMeta | undefined => {
  const metadata = fieldsOf(fieldsOf(object).metadata);
  const name = textOf(metadata.name);
  if (name === "") return undefined;
  return {
    namespace: textOf(metadata.namespace),
    name,
    uid: textOf(metadata.uid),
    resourceVersion: textOf(metadata.resourceVersion),
    generation: countOf(metadata.generation),
    createdAt: secondsOf(metadata.creationTimestamp),
    isDeleting: textOf(metadata.deletionTimestamp) !== "",
    labels: textMapOf(metadata.labels),
    annotations: textMapOf(metadata.annotations, isAnnotationKept),
  };
};

const conditionOf = (value: unknown): Condition | undefined => {
  const fields = fieldsOf(value);
  const type = textOf(fields.type);
  if (type === "") return undefined;
  return {
    type,
    status: wordOf(fields.status, ["Unknown", "True", "False"]),
    reason: textOf(fields.reason),
    message: textOf(fields.message),
    lastTransitionTime: textOf(fields.lastTransitionTime),
    observedGeneration: countOf(fields.observedGeneration),
  };
};

/** The conditions in a list whose type `isKept` admits. */
export const conditionsOf = (value: unknown, isKept?: (type: string) => boolean): readonly Condition[] =>
  listOf(value).flatMap((each) => {
    const condition = conditionOf(each);
    return condition !== undefined && (isKept?.(condition.type) ?? true) ? [condition] : [];
  });
