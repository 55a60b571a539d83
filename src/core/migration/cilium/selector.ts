/** Cilium's selectors of Services, which select by namespace and name as if these were labels. */
import type { LabelRequirement, LabelSelector } from "#core/kubernetes/selector";
import type { Section } from "../section.ts";
import { CAMEL, meansAll, readSelector, type WrittenSelector } from "../selectors.ts";

const NAMESPACE = "io.kubernetes.service.namespace";
const NAME = "io.kubernetes.service.name";

/** Which Services are meant. */
export type ServiceSelector = {
  /** By their labels. */
  readonly labels: WrittenSelector;
  /** By their namespace; `undefined` means any. */
  readonly namespaces: readonly string[] | undefined;
  /** What else it asks for that our resources have no words for; `undefined` when that is nothing. */
  readonly unsaid: string | undefined;
};

/** The selector that means every Service. */
export const EVERY_SERVICE: ServiceSelector = { labels: {}, namespaces: undefined, unsaid: undefined };

const both = (left: readonly string[] | undefined, right: readonly string[]): readonly string[] =>
  left === undefined ? right : left.filter((each) => right.includes(each));

/** Reads a selector of Services. */
export const readServiceSelector = (section: Section): ServiceSelector => {
  const { selector, whole } = readSelector(section, CAMEL);
  const { [NAMESPACE]: namespace, [NAME]: name, ...labels } = selector.matchLabels ?? {};
  let namespaces = namespace === undefined ? undefined : [namespace];
  let unsaid = whole ? undefined : "a part of it cannot be read";
  if (name !== undefined) unsaid = "it selects Services by name";
  const expressions = (selector.matchExpressions ?? []).filter(({ key, operator, values = [] }) => {
    if (key === NAME) unsaid = "it selects Services by name";
    else if (key !== NAMESPACE) return true;
    else if (operator === "In") namespaces = [...both(namespaces, values)];
    else if (operator !== "Exists") unsaid = `it selects namespaces by ${operator}`;
    return false;
  });
  return {
    labels: {
      ...(Object.keys(labels).length === 0 ? {} : { matchLabels: labels }),
      ...(expressions.length === 0 ? {} : { matchExpressions: expressions }),
    },
    namespaces,
    unsaid,
  };
};

/** Why an advertisement cannot select the same Services; `undefined` when it can. */
export const unsaidInAdvertisement = ({ namespaces, unsaid }: ServiceSelector): string | undefined =>
  unsaid ?? (namespaces === undefined ? undefined : "it selects Services by namespace");

/** The selectors of an advertisement; none means every Service. */
export const advertisedServices = ({ labels }: ServiceSelector): readonly WrittenSelector[] =>
  meansAll(labels) ? [] : [labels];

const requirement = ({
  key,
  operator,
  values = [],
}: NonNullable<WrittenSelector["matchExpressions"]>[number]): LabelRequirement =>
  operator === "In" || operator === "NotIn"
    ? { key, operator, values }
    : { key, operator: operator === "Exists" ? "Exists" : "DoesNotExist" };

/** A selector as it is matched against labels. */
export const matchable = ({ matchLabels = {}, matchExpressions = [] }: WrittenSelector): LabelSelector => ({
  matchLabels,
  matchExpressions: matchExpressions.map(requirement),
});
