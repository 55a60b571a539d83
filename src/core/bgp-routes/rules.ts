/** What an operator decides about announcing to routers, besides the resources. */
import { type Duration, seconds } from "#base/time";
import type { Grading } from "#core/node/grading";

/** What follows from something that is the matter with this node, from the least to the most. */
export type RouteTreatment =
  | "none"
  /** Announces as the last resort, for as long as it lasts: others are preferred wherever there are others. */
  | "last-resort"
  /** Announces as the last resort for the drain time, and then nothing. */
  | "drain"
  /** Announces nothing, at once. */
  | "withdraw";

/**
 * What is done unless told otherwise, and why.
 *
 * - `cordoned` is the last resort: a drain begins with it, and connections move while the node still works. If all nodes are cordoned,
 *   all say so, and it makes no difference.
 * - `leaving` is drained: it ends in a moment.
 * - `not-ready` is the last resort: the kubelet has told the API server that something is wrong; what serves there may still work.
 * - `unreachable` changes nothing: after an outage of the API server all nodes look like that for a while, and whether the machine is alive
 *   its routers find out themselves.
 * - `out-of-service` is withdrawn: nobody writes that taint on a machine that runs.
 */
export const DEFAULT_GRADING: Grading<RouteTreatment> = {
  cordoned: "last-resort",
  leaving: "drain",
  "not-ready": "last-resort",
  unreachable: "none",
  "out-of-service": "withdraw",
};

/** How routers are told to share traffic of Services with externalTrafficPolicy Local: by the endpoints on each node. */
export type LinkBandwidth = {
  /** Bytes a second that each endpoint counts for; above 0. Only ratios between nodes matter. */
  readonly perEndpoint: number;
};

export type Rules = {
  /** MetalLB's `--ignore-exclude-lb`: nodes labelled as excluded from load balancers announce all the same. */
  readonly excludeLabel: "respected" | "ignored";
  readonly grading: Grading<RouteTreatment>;
  /** Keys of further taints that mark a node that is about to leave. */
  readonly leavingTaints: ReadonlySet<string>;
  /** How long a node that must go announces as the last resort before it withdraws. */
  readonly drainTime: Duration;
  /** `undefined`: routers are not told how to share, and share evenly between nodes. */
  readonly linkBandwidth: LinkBandwidth | undefined;
};

/** MetalLB's, but for nodes that are about to go. */
export const DEFAULT_RULES: Rules = {
  excludeLabel: "respected",
  grading: DEFAULT_GRADING,
  leavingTaints: new Set(),
  drainTime: seconds(10),
  linkBandwidth: undefined,
};

/** 1 Mbit/s, for those who want the link bandwidth and no figure of their own. */
export const DEFAULT_LINK_BANDWIDTH: LinkBandwidth = { perEndpoint: 125_000 };
