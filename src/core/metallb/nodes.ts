/** Whether two sets of node selectors can mean the same node. */
import type { TextMap } from "#core/kubernetes/meta";
import { type LabelSelector, matchesAny } from "#core/kubernetes/selector";

/** What several selectors together ask of one label. */
type Demand = {
  /** Values of which it must have one; `undefined` when any will do. */
  readonly among: ReadonlySet<string> | undefined;
  readonly not: ReadonlySet<string>;
  readonly isPresent: boolean;
  readonly isAbsent: boolean;
};

const NO_DEMAND: Demand = { among: undefined, not: new Set(), isPresent: false, isAbsent: false };

const narrowed = (demand: Demand, values: readonly string[]): Demand => ({
  ...demand,
  isPresent: true,
  among: new Set(
    demand.among === undefined ? values : values.filter((value) => demand.among?.has(value) === true),
  ),
});

const demandsOf = (selectors: readonly LabelSelector[]): ReadonlyMap<string, Demand> => {
  const demands = new Map<string, Demand>();
  const change = (key: string, to: (demand: Demand) => Demand): void => {
    demands.set(key, to(demands.get(key) ?? NO_DEMAND));
  };
  for (const { matchLabels, matchExpressions } of selectors) {
    for (const [key, value] of Object.entries(matchLabels))
      change(key, (demand) => narrowed(demand, [value]));
    for (const requirement of matchExpressions) {
      change(requirement.key, (demand) => {
        switch (requirement.operator) {
          case "In":
            return narrowed(demand, requirement.values);
          case "NotIn":
            return { ...demand, not: new Set([...demand.not, ...requirement.values]) };
          case "Exists":
            return { ...demand, isPresent: true };
          default:
            return { ...demand, isAbsent: true };
        }
      });
    }
  }
  return demands;
};

const canBeMet = ({ among, not, isPresent, isAbsent }: Demand): boolean => {
  if (isAbsent && isPresent) return false;
  return among === undefined || [...among].some((value) => !not.has(value));
};

/** Whether some labels satisfy both selectors. */
const canBothMatch = (left: LabelSelector, right: LabelSelector): boolean =>
  [...demandsOf([left, right]).values()].every(canBeMet);

/**
 * Whether a node may be meant by both sets of selectors, of which an empty one means all nodes.
 *
 * Judged by the nodes there are, by name, if they are known; else by whether any node could have such labels.
 */
export const mayShareNode = (
  left: readonly LabelSelector[],
  right: readonly LabelSelector[],
  nodes: ReadonlyMap<string, TextMap> | undefined,
): boolean => {
  if (nodes !== undefined) {
    const means = (selectors: readonly LabelSelector[], labels: TextMap): boolean =>
      selectors.length === 0 || matchesAny(selectors, labels);
    return [...nodes.values()].some((labels) => means(left, labels) && means(right, labels));
  }
  if (left.length === 0 || right.length === 0) return true;
  return left.some((one) => right.some((other) => canBothMatch(one, other)));
};
