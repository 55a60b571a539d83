/** What the writers look at in the mirror of the cluster. */
import type { Service } from "#core/service/service";
import type { SpeakerReport } from "#core/speaker-report/report";
import type { ClusterMirror } from "../mirror.ts";

export type SeenCluster = Pick<
  ClusterMirror,
  "isSynced" | "statuses" | "members" | "podOf" | "ownersOf" | "uidOf"
> & {
  /**
   * By `namespace/name`: all Services of type LoadBalancer, and those of another type that still have a condition of ours,
   * which is to go.
   */
  readonly services: ReadonlyMap<string, Service>;
  /** What a node's speaker has reported; `undefined` when there is no report of it. */
  reportOf(node: string): SpeakerReport | undefined;
};
