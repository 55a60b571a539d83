/** What follows from what is the matter with a node: for the local network (`core/layer2`) and for routers (`core/bgp-routes`). */
import type { Impairment } from "./impairment.ts";

/** What is done about each impairment. */
export type Grading<Treatment> = Readonly<Record<Impairment, Treatment>>;

/** Nothing follows from anything, as MetalLB has it. */
export const METALLB_GRADING: Grading<"none"> = {
  cordoned: "none",
  leaving: "none",
  "not-ready": "none",
  unreachable: "none",
  "out-of-service": "none",
};
