/** What a controller reports: the use of pools, and whether it can use the configuration. */
import { isSection } from "#core/config/unknown-keys";
import { METALLB_GROUP } from "./kinds.ts";
import { clip, formatObjectProblems, type ObjectProblem } from "./problem.ts";

/** Addresses of a pool, by family. */
export type Counts = { readonly IPv4: bigint; readonly IPv6: bigint };

/** `IPAddressPool.status`. */
export type PoolStatus = {
  readonly assignedIPv4: number;
  readonly assignedIPv6: number;
  readonly availableIPv4: number;
  readonly availableIPv6: number;
};

/**
 * The largest count: 2^63 - 1024, the largest number below 2^63 that JSON numbers of ours can be.
 *
 * The API takes integers of 64 bits, so 2^63 itself, to which 2^63 - 1 would be rounded, would be refused by readers.
 */
const MOST = 9_223_372_036_854_774_784n;

const saturated = (count: bigint): number => Number(count > MOST ? MOST : count);

/** The status of a pool of which so many addresses are held and so many are left. Exact up to 2^53. */
export const poolStatusOf = ({
  assigned,
  available,
}: {
  readonly assigned: Counts;
  readonly available: Counts;
}): PoolStatus => ({
  assignedIPv4: saturated(assigned.IPv4),
  assignedIPv6: saturated(assigned.IPv6),
  availableIPv4: saturated(available.IPv4),
  availableIPv6: saturated(available.IPv6),
});

/** Whether an `IPAddressPool`, as it was read, reports this already. Other programs saturate at 2^63 - 1. */
export const reportsPoolStatus = (object: unknown, wanted: PoolStatus): boolean => {
  const status = isSection(object) ? object.status : undefined;
  if (!isSection(status)) return false;
  return Object.entries(wanted).every(([key, count]) => {
    const reported = status[key];
    return typeof reported === "number" && Math.min(reported, Number(MOST)) === count;
  });
};

/** Who reports. */
export type Component = { readonly type: "controller" } | { readonly type: "speaker"; readonly node: string };

/** What a component thinks of the configuration. */
export type Verdict =
  /** Nothing was read yet. */
  | { readonly type: "unknown" }
  | { readonly type: "valid" }
  | { readonly type: "invalid"; readonly problems: readonly ObjectProblem[] }
  /** The configuration could not be read, for a reason that does not lie in it. */
  | { readonly type: "unreachable"; readonly message: string };

/** One entry of `ConfigurationState.status.conditions`. */
export type StateCondition = {
  readonly type: "configReconcilerValid" | "poolReconcilerValid";
  readonly status: "True" | "False" | "Unknown";
  readonly reason: "ConfigurationError" | "InfraError" | "Reconciled" | "UnknownError";
  readonly message: string;
  readonly lastTransitionTime: string;
};

/** `ConfigurationState.status`. */
export type StateStatus = {
  readonly result: "Valid" | "Invalid" | "Unknown";
  readonly errorSummary: string;
  readonly conditions: readonly StateCondition[];
};

/** A `ConfigurationState` without its status, as it is created. */
export type StateObject = {
  readonly apiVersion: "metallb.io/v1beta1";
  readonly kind: "ConfigurationState";
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
  };
};

/** The object that a component reports in. */
export const stateObject = (component: Component, namespace: string): StateObject => ({
  apiVersion: `${METALLB_GROUP}/v1beta1`,
  kind: "ConfigurationState",
  metadata: {
    name: component.type === "controller" ? "controller" : `speaker-${component.node}`,
    namespace,
    labels: {
      "metallb.io/component-type": component.type,
      ...(component.type === "controller" ? {} : { "metallb.io/node-name": component.node }),
    },
  },
});

/** The API's limit for the message of a condition is 32,768; nobody reads that much. */
const LONGEST_MESSAGE = 8_192;

type Outcome = Pick<StateStatus, "result" | "errorSummary"> & Pick<StateCondition, "status" | "reason">;

const outcomeOf = (verdict: Exclude<Verdict, { readonly type: "unknown" }>): Outcome => {
  switch (verdict.type) {
    case "valid":
      return { result: "Valid", errorSummary: "", status: "True", reason: "Reconciled" };
    case "invalid": {
      const errors = verdict.problems.filter(({ severity }) => severity === "error");
      const errorSummary = `configuration error: ${formatObjectProblems(errors, LONGEST_MESSAGE)}`;
      return { result: "Invalid", errorSummary, status: "False", reason: "ConfigurationError" };
    }
    default: {
      const errorSummary = clip(verdict.message, LONGEST_MESSAGE);
      return { result: "Unknown", errorSummary, status: "Unknown", reason: "InfraError" };
    }
  }
};

/** The condition of this type that an object has. */
const conditionIn = (object: unknown, type: string): Readonly<Record<string, unknown>> | undefined => {
  const status = isSection(object) ? object.status : undefined;
  const conditions: unknown = isSection(status) ? status.conditions : undefined;
  if (!Array.isArray(conditions)) return undefined;
  return conditions.filter(isSection).find((condition) => condition.type === type);
};

/**
 * The status of a component's `ConfigurationState`.
 *
 * `observed` is the object as it was read last, if there is one: a condition whose status stays keeps its time. `now` is in
 * RFC 3339, to the second.
 */
export const stateStatusOf = (
  component: Component,
  { verdict, observed, now }: { readonly verdict: Verdict; readonly observed: unknown; readonly now: string },
): StateStatus => {
  if (verdict.type === "unknown") return { result: "Unknown", errorSummary: "", conditions: [] };
  const { result, errorSummary, status, reason } = outcomeOf(verdict);
  const type = component.type === "controller" ? "poolReconcilerValid" : "configReconcilerValid";
  const before = conditionIn(observed, type);
  const since = before?.status === status ? before.lastTransitionTime : undefined;
  const lastTransitionTime = typeof since === "string" ? since : now;
  return {
    result,
    errorSummary,
    conditions: [{ type, status, reason, message: errorSummary, lastTransitionTime }],
  };
};

/** Whether a `ConfigurationState`, as it was read, reports this already; conditions of other programs do not count. */
export const reportsState = (object: unknown, wanted: StateStatus): boolean => {
  const status = isSection(object) && isSection(object.status) ? object.status : {};
  if (status.result !== wanted.result || (status.errorSummary ?? "") !== wanted.errorSummary) return false;
  return wanted.conditions.every((condition) => {
    const reported = conditionIn(object, condition.type);
    return (
      reported !== undefined && Object.entries(condition).every(([key, value]) => reported[key] === value)
    );
  });
};

/** Whether a `ConfigurationState`, as it was read, has the labels that it must have. */
export const hasStateLabels = (object: unknown, { metadata }: StateObject): boolean => {
  const read = isSection(object) && isSection(object.metadata) ? object.metadata : {};
  const labels = isSection(read.labels) ? read.labels : {};
  return Object.entries(metadata.labels).every(([key, value]) => labels[key] === value);
};
