/** What is checked of label selectors and of lists of names, wherever they stand. */
import { error, type Finding, type Path, show } from "#core/config/problem";
import type { LabelRequirement, LabelSelector } from "#core/kubernetes/selector";
import type { SelectorInput } from "./fields.ts";

const PREFIX = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;
const WORD = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

/** Whether Kubernetes accepts a text as the name of a label. */
const isLabelName = (text: string): boolean => {
  const slash = text.indexOf("/");
  const word = text.slice(slash + 1);
  const hasPrefix = slash < 0 || (slash <= 253 && PREFIX.test(text.slice(0, slash)));
  return hasPrefix && word.length <= 63 && WORD.test(word);
};

/** Whether Kubernetes accepts a text as the value of a label. */
const isLabelValue = (text: string): boolean => text === "" || (text.length <= 63 && WORD.test(text));

type Requirement = NonNullable<SelectorInput["matchExpressions"]>[number];

const requirementOf = ({ key, operator, values = [] }: Requirement): LabelRequirement =>
  operator === "In" || operator === "NotIn" ? { key, operator, values } : { key, operator };

/** The selector that was written down. */
export const selectorOf = (input: SelectorInput): LabelSelector => ({
  matchLabels: input.matchLabels ?? {},
  matchExpressions: (input.matchExpressions ?? []).map(requirementOf),
});

/** The selectors that were written down; none when the field is absent. */
export const selectorsOf = (inputs: readonly SelectorInput[] | undefined): readonly LabelSelector[] =>
  (inputs ?? []).map(selectorOf);

/** An error for each entry that stands in the list before. */
export const repeatedNames = (path: Path, entries: readonly string[] | undefined): readonly Finding[] => {
  const seen = new Set<string>();
  return (entries ?? []).flatMap((entry, index) => {
    if (!seen.has(entry)) {
      seen.add(entry);
      return [];
    }
    return [error([...path, index], `${show(entry)} is there twice`, "Remove one of them.")];
  });
};

const requirementFindings = (path: Path, { key, operator, values = [] }: Requirement): readonly Finding[] => {
  const findings: Finding[] = [];
  if (!isLabelName(key)) {
    findings.push(error([...path, "key"], `${show(key)} is not the name of a label`));
  }
  const compares = operator === "In" || operator === "NotIn";
  if (compares && values.length === 0) {
    findings.push(error([...path, "values"], `is empty, and ${operator} needs values`, "Give at least one."));
  }
  if (!compares && values.length > 0) {
    findings.push(error([...path, "values"], `is given, and ${operator} takes none`, "Remove the values."));
  }
  for (const [index, value] of values.entries()) {
    if (isLabelValue(value)) continue;
    findings.push(error([...path, "values", index], `${show(value)} is not the value of a label`));
  }
  return findings;
};

const labelFindings = (path: Path, labels: Readonly<Record<string, string>>): readonly Finding[] =>
  Object.entries(labels).flatMap(([key, value]): readonly Finding[] => {
    if (!isLabelName(key)) return [error([...path, key], `${show(key)} is not the name of a label`)];
    return isLabelValue(value) ? [] : [error([...path, key], `${show(value)} is not the value of a label`)];
  });

/** The same text for requirements that ask the same, however their values are ordered. */
const requirementText = ({ key, operator, values = [] }: Requirement): string =>
  JSON.stringify([key, operator, values.toSorted()]);

/** The same text for selectors that ask the same in the same order. */
const selectorText = (input: SelectorInput): string =>
  JSON.stringify([
    Object.entries(input.matchLabels ?? {}).toSorted(([left], [right]) => (left < right ? -1 : 1)),
    (input.matchExpressions ?? []).map(requirementText),
  ]);

const repeated = (path: Path, texts: readonly string[], what: string): readonly Finding[] => {
  const firstIndexOf = new Map<string, number>();
  return texts.flatMap((text, index) => {
    const first = firstIndexOf.get(text);
    if (first === undefined) {
      firstIndexOf.set(text, index);
      return [];
    }
    return [error([...path, index], `is the same ${what} as [${first}]`, "Remove one of them.")];
  });
};

/** What Kubernetes does not accept of one selector. */
export const oneSelector = (path: Path, input: SelectorInput): readonly Finding[] => [
  ...labelFindings([...path, "matchLabels"], input.matchLabels ?? {}),
  ...(input.matchExpressions ?? []).flatMap((expression, index) =>
    requirementFindings([...path, "matchExpressions", index], expression),
  ),
];

/** What one selector says twice. */
const repeatedIn = (path: Path, { matchExpressions = [] }: SelectorInput): readonly Finding[] => [
  ...matchExpressions.flatMap(({ values }, index) =>
    repeatedNames([...path, "matchExpressions", index, "values"], values),
  ),
  ...repeated([...path, "matchExpressions"], matchExpressions.map(requirementText), "condition"),
];

/** What is wrong with the selectors under a path. */
export const selectorFindings = (
  path: Path,
  inputs: readonly SelectorInput[] | undefined,
): readonly Finding[] => [
  ...(inputs ?? []).flatMap((input, index) => [
    ...oneSelector([...path, index], input),
    ...repeatedIn([...path, index], input),
  ]),
  ...repeated(path, (inputs ?? []).map(selectorText), "selector"),
];
