/** An EndpointSlice as we keep it: how many endpoints serve on each node. */
import type { ObjectKey } from "#core/kubernetes/meta";

/** The endpoints of a slice on one node. */
export type EndpointsOnNode = {
  /** `""` when they name none: they serve the Service, and count for no node. */
  readonly node: string;
  /** Ready, or of unknown readiness, which counts as ready. */
  readonly ready: number;
  /** Not ready, and serving all the same: usually those that are being terminated. */
  readonly leaving: number;
  /** Neither. */
  readonly silent: number;
};

export type EndpointSlice = {
  /** Of the slice itself. */
  readonly key: ObjectKey;
  /** Of the Service that its label names, in the same namespace. */
  readonly service: ObjectKey;
  readonly addressType: "IPv4" | "IPv6" | "FQDN";
  /** In the order of their nodes' names; each once. */
  readonly nodes: readonly EndpointsOnNode[];
};

/** Whether an endpoint there serves, as MetalLB understands it: ready, or not known to be unready, or serving. */
export const serves = ({ ready, leaving }: EndpointsOnNode): boolean => ready + leaving > 0;
