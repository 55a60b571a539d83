/** What follows from a change: what must be written to a Service, and which events are raised about it. */

import type { Decision } from "#core/ipam/decide";
import type { Condition } from "#core/kubernetes/condition";
import type { ObjectKey } from "#core/kubernetes/meta";
import type { Ingress } from "#core/service/service";

/** The condition that says whether a Service has its addresses. */
export const ALLOCATED = "steelyard.dev/Allocated";

/** A condition without what only the writer knows: when its status changed last, and the generation. */
export type WantedCondition = Pick<Condition, "type" | "status" | "reason" | "message">;

/** How a Service should be written. */
export type ServiceWrite = {
  /** The whole of `status.loadBalancer.ingress`; empty clears it. */
  readonly ingress: readonly Ingress[];
  /** Whether `ingress` differs from what was observed. */
  readonly isIngressChanged: boolean;
  /** The condition `steelyard.dev/Allocated`; `undefined` removes it. */
  readonly condition: WantedCondition | undefined;
  /** Annotations to set or, with `undefined`, to remove; the others stay as they are. */
  readonly annotations: Readonly<Record<string, string | undefined>>;
};

/** An event about a Service. */
export type ServiceEvent = {
  readonly type: "Normal" | "Warning";
  readonly reason: EventReason;
  /** At most 1,024 characters. */
  readonly message: string;
};

/** The reasons of events: MetalLB's words, and our own where it has none. */
export const EVENT_REASONS = [
  "IPAllocated",
  "ClearAssignment",
  "AdditionalAssignFailed",
  "AllocationFailed",
  "LoadBalancerFailed",
  "not enough clusterips",
  "nolbIPsIPFamily",
  "noclusterIPsIPFamily",
  "deprecatedAnnotation",
  "AddressConflict", // ours
] as const;

export type EventReason = (typeof EVENT_REASONS)[number];

/** What follows for one Service. */
export type Outcome = {
  readonly key: ObjectKey;
  readonly uid: string;
  /** The version on which it was decided. */
  readonly resourceVersion: string;
  /** `undefined` for a Service that is not ours any more. */
  readonly decision: Decision | undefined;
  /** `undefined` when the object already says all of it: an earlier write that has not been sent must not be sent any more. */
  readonly write: ServiceWrite | undefined;
  readonly events: readonly ServiceEvent[];
};
