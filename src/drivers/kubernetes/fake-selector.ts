/** Selectors as they stand in the query of a list. */
import { type Fields, fieldsOf, textOf } from "./json.ts";

const holds = (term: string, labels: Fields): boolean => {
  const set = /^(\S+) (in|notin) \(([^)]*)\)$/.exec(term);
  if (set !== null) {
    const isIn = (set[3] ?? "").split(",").includes(textOf(labels[set[1] ?? ""]));
    return set[2] === "in" ? isIn && Object.hasOwn(labels, set[1] ?? "") : !isIn;
  }
  const compared = /^([^=!]+)(==|=|!=)(.*)$/.exec(term);
  if (compared !== null) {
    const isEqual = labels[compared[1] ?? ""] === compared[3];
    return compared[2] === "!=" ? !isEqual : isEqual;
  }
  return term.startsWith("!") ? !Object.hasOwn(labels, term.slice(1)) : Object.hasOwn(labels, term);
};

const terms = (selector: string): readonly string[] =>
  selector
    .split(/,(?![^(]*\))/)
    .map((term) => term.trim())
    .filter((term) => term !== "");

/** The field at a path such as `metadata.name`, as text. */
const fieldAt = (object: Fields, path: string): string => {
  let value: unknown = object;
  for (const part of path.split(".")) value = fieldsOf(value)[part];
  return textOf(value);
};

/** Whether an object is one of those that the selectors mean. */
export const isSelected = (
  object: Fields,
  {
    labelSelector = "",
    fieldSelector = "",
  }: { readonly labelSelector?: string | undefined; readonly fieldSelector?: string | undefined },
): boolean => {
  const labels = fieldsOf(fieldsOf(object.metadata).labels);
  return (
    terms(labelSelector).every((term) => holds(term, labels)) &&
    terms(fieldSelector).every((term) => {
      const [path = "", value = ""] = term.split(/==?|!=/);
      return (fieldAt(object, path) === value) !== term.includes("!=");
    })
  );
};
