/** A Kubernetes Node as we keep it: what decides whether it may answer for addresses, and nothing else. */
import type { IpAddress } from "#base/address";
import type { TextMap } from "#core/kubernetes/meta";

/** A taint: what the node does not want, and so what is the matter with it. Values are not kept. */
export type Taint = {
  readonly key: string;
  readonly effect: "NoSchedule" | "PreferNoSchedule" | "NoExecute";
};

/** A state, and since when: seconds since 1970 as the API server has it, 0 when that is not said. For people only. */
export type Lasting<State extends string> = { readonly state: State; readonly since: number };

/** What the kubelet, or the cluster about a silent kubelet, says of the node as a whole. */
export type Readiness =
  | "ready"
  | "not-ready" // the kubelet says so itself
  | "shutting-down" // the kubelet says that the machine is being shut down
  | "unknown"; // nothing was heard of the kubelet for a while, or ever

export type Node = {
  /** A DNS name: lower case letters, digits, dashes and dots, at most 253. */
  readonly name: string;
  readonly labels: TextMap;
  /** Addresses of type InternalIP, in the order in which they are listed. */
  readonly internalIps: readonly IpAddress[];
  /** `cordoned` is what `spec.unschedulable` says: no new pods are wanted. */
  readonly scheduling: "open" | "cordoned";
  readonly readiness: Lasting<Readiness>;
  /** The condition NetworkUnavailable; a node without it has its network. */
  readonly network: Lasting<"available" | "unavailable">;
  readonly taints: readonly Taint[];
  /** `ending` once the object is being deleted. */
  readonly life: "lasting" | "ending";
};
