/** Label selectors (metav1.LabelSelector): which objects are meant, by their labels. */
import type { TextMap } from "./meta.ts";

/** One expression; several of a selector must all hold. */
export type LabelRequirement =
  | { readonly key: string; readonly operator: "In" | "NotIn"; readonly values: readonly string[] }
  | { readonly key: string; readonly operator: "Exists" | "DoesNotExist" };

/** All labels and expressions must hold; the empty selector matches everything. */
export type LabelSelector = {
  readonly matchLabels: TextMap;
  readonly matchExpressions: readonly LabelRequirement[];
};

const holds = (requirement: LabelRequirement, labels: TextMap): boolean => {
  const value = Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined;
  switch (requirement.operator) {
    case "In":
      return value !== undefined && requirement.values.includes(value);
    case "NotIn":
      // An object without the label is matched as well, as the API server's own selectors have it.
      return value === undefined || !requirement.values.includes(value);
    case "Exists":
      return value !== undefined;
    default:
      return value === undefined;
  }
};

/** Whether an object with these labels is meant. */
export const matches = (selector: LabelSelector, labels: TextMap): boolean =>
  Object.entries(selector.matchLabels).every(([key, value]) => labels[key] === value) &&
  selector.matchExpressions.every((requirement) => holds(requirement, labels));

/** Whether one of the selectors means an object with these labels. */
export const matchesAny = (selectors: readonly LabelSelector[], labels: TextMap): boolean =>
  selectors.some((selector) => matches(selector, labels));
