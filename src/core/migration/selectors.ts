/** Label selectors as they are written, from several spellings to the one of Kubernetes. */
import { isSection } from "#core/config/unknown-keys";
import type { Section } from "./section.ts";

type Requirement = { readonly key: string; readonly operator: string; readonly values?: readonly string[] };

/** A selector as resources hold it. */
export type WrittenSelector = {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly Requirement[];
};

/** What became of a selector: `whole` is false when a part of it could not be read, so that it means more than it did. */
export type ReadSelector = { readonly selector: WrittenSelector; readonly whole: boolean };

/** The names that the two keys of a selector have. */
type Spelling = { readonly labels: string; readonly expressions: string };

/** The spelling of Kubernetes. */
export const CAMEL: Spelling = { labels: "matchLabels", expressions: "matchExpressions" };
/** The spelling of MetalLB's ConfigMap. */
export const DASHED: Spelling = { labels: "match-labels", expressions: "match-expressions" };

const OPERATORS = ["In", "NotIn", "Exists", "DoesNotExist"];

const requirementOf = (section: Section): Requirement | undefined => {
  const key = section.text("key");
  const operator = section.text("operator");
  const values = section.texts("values").map(({ text }) => text);
  section.close("a selector");
  if (key === undefined || operator === undefined || !OPERATORS.includes(operator)) {
    section.lost("operator", `is none of ${OPERATORS.join(", ")} with a key`);
    return undefined;
  }
  const hasValues = operator === "In" || operator === "NotIn";
  if (hasValues === (values.length === 0)) {
    section.lost(
      "values",
      hasValues ? `are missing, and ${operator} needs them` : `do not go with ${operator}`,
    );
    return undefined;
  }
  return hasValues ? { key, operator, values } : { key, operator };
};

/** Reads a selector; what it holds that cannot be read is noted. */
export const readSelector = (section: Section, spelling: Spelling): ReadSelector => {
  const labels = section.textMap(spelling.labels);
  const written = section.raw(spelling.labels);
  const expressions = section.sections(spelling.expressions);
  const requirements = expressions.flatMap((each) => requirementOf(each) ?? []);
  section.close("a selector");
  const asked = section.raw(spelling.expressions);
  const isWhole =
    (written === undefined ||
      (isSection(written) && Object.keys(written).length === Object.keys(labels).length)) &&
    (asked === undefined || (Array.isArray(asked) && asked.length === requirements.length));
  return {
    selector: {
      ...(Object.keys(labels).length === 0 ? {} : { matchLabels: labels }),
      ...(requirements.length === 0 ? {} : { matchExpressions: requirements }),
    },
    whole: isWhole,
  };
};

/** Whether a selector means everything. */
export const meansAll = ({ matchLabels, matchExpressions }: WrittenSelector): boolean =>
  matchLabels === undefined && matchExpressions === undefined;

/**
 * Reads selectors of which one must match; none means everything. `undefined` when some are written and none of them can be
 * read as a whole: what they narrow must then be left out.
 */
export const readSelectors = (
  sections: readonly Section[],
  spelling: Spelling,
): readonly WrittenSelector[] | undefined => {
  const read = sections.map((section) => readSelector(section, spelling));
  const whole = read.filter(({ whole: isWhole }) => isWhole).map(({ selector }) => selector);
  if (read.length > 0 && whole.length === 0) return undefined;
  return whole.some(meansAll) ? [] : whole;
};
