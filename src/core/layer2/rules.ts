/** How strictly MetalLB is followed, and what an operator decides. */
import { type Grading, METALLB_GRADING } from "#core/node/grading";
import { DEFAULT_GRADING, type PlaceTreatment } from "./grading.ts";

export type Rules = {
  /** MetalLB's `--ignore-exclude-lb`: nodes labelled as excluded from load balancers may answer all the same. */
  readonly excludeLabel: "respected" | "ignored";
  readonly grading: Grading<PlaceTreatment>;
  /** Keys of further taints that mark a node that is about to leave. */
  readonly leavingTaints: ReadonlySet<string>;
  /** Whether nodes whose interfaces cannot carry an address are left out. */
  readonly fitness: "respected" | "ignored";
  readonly order: /** MetalLB's: each address for itself. */
    | { readonly type: "hash" }
    /** No node gets more than `slack` times its share, and what has a holder stays there. `slack` is at least 1. */
    | { readonly type: "spread"; readonly slack: number };
};

/** MetalLB's order; nodes that cannot answer, or will not for long, are left out or stand behind. */
export const DEFAULT_RULES: Rules = {
  excludeLabel: "respected",
  grading: DEFAULT_GRADING,
  leavingTaints: new Set(),
  fitness: "respected",
  order: { type: "hash" },
};

/** Exactly what MetalLB's speakers decide, for as long as some of them run beside ours: else two nodes would answer. */
export const METALLB_RULES: Rules = { ...DEFAULT_RULES, grading: METALLB_GRADING, fitness: "ignored" };
