/** What can be the matter with a node that still runs. */
import type { Node } from "./node.ts";

/** From the least to the worst; nodes behind stand in this order. */
export const IMPAIRMENTS = [
  "cordoned", // somebody wants no new pods there
  "leaving", // it is being deleted, drained by an autoscaler, or shut down
  "not-ready", // its kubelet says so
  "unreachable", // its kubelet is silent
  "out-of-service", // an operator, or the cloud, says that the machine is off
] as const;

export type Impairment = (typeof IMPAIRMENTS)[number];

/** An impairment and how it was noticed, as the end of `node a `: `is cordoned`. */
export type Noticed = { readonly impairment: Impairment; readonly text: string };

/** By autoscalers, which drain the node next. A candidate for removal only (`DeletionCandidateOf...`) is not leaving yet. */
const LEAVING_TAINTS: ReadonlySet<string> = new Set([
  "ToBeDeletedByClusterAutoscaler",
  "karpenter.sh/disrupted",
  "karpenter.sh/disruption",
]);
const OFF_TAINTS: ReadonlySet<string> = new Set([
  "node.kubernetes.io/out-of-service",
  "node.cloudprovider.kubernetes.io/shutdown",
]);

/**
 * What is the matter with a node, the least first. `leavingTaints` are keys of further taints by which an installation
 * marks nodes before it takes them away. No other taint counts, NoExecute or not: nodes are set apart by taints for good as well.
 */
export const impairmentsOf = (node: Node, leavingTaints: ReadonlySet<string>): readonly Noticed[] => {
  const noticed: Noticed[] = [];
  const keyAmong = (...keys: readonly ReadonlySet<string>[]): string | undefined =>
    node.taints.find(({ key }) => keys.some((set) => set.has(key)))?.key;
  const note = (impairment: Impairment, text: string): void => {
    noticed.push({ impairment, text });
  };
  const { state } = node.readiness;
  if (node.scheduling === "cordoned") note("cordoned", "is cordoned");
  const leaving = keyAmong(LEAVING_TAINTS, leavingTaints);
  if (node.life === "ending") note("leaving", "is being deleted");
  else if (state === "shutting-down") note("leaving", "is being shut down");
  else if (leaving !== undefined) note("leaving", `has the taint ${leaving}`);
  if (state === "not-ready") note("not-ready", "is not ready");
  if (state === "unknown") note("unreachable", "has a silent kubelet");
  const off = keyAmong(OFF_TAINTS);
  if (off !== undefined) note("out-of-service", `has the taint ${off}`);
  return noticed;
};
