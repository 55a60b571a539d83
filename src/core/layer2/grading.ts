/**
 * What follows from what is the matter with a node that still runs a speaker.
 *
 * MetalLB looks at none of this: an address stays on a cordoned or dying node until the speaker there has stopped. Where
 * acting on it can only help, we do by default; `METALLB_GRADING` does not, for the time in which both run side by side.
 */
import type { Grading } from "#core/node/grading";
import { IMPAIRMENTS, type Noticed } from "#core/node/impairment";

/** What an impairment does to a node's place. Each does what those before it do as well. */
export type PlaceTreatment =
  | "none"
  /** Keeps what it has, and is given nothing new by the even spread. No difference in the order of MetalLB. */
  | "takes-no-more"
  /** Stands behind all nodes that are in a better state, and answers if none of those is left. */
  | "behind"
  | "out";

/**
 * What is done unless told otherwise, and why that cannot be mistaken for a regression.
 *
 * - `cordoned` stands behind: a drain begins with it, and moving while the node still works loses nothing. If all are
 *   cordoned, the order is MetalLB's again.
 * - `leaving` stands behind: the speaker there ends in a moment anyway; this way the address moves before.
 * - `not-ready` stands behind: the kubelet has told the API server, so the speaker there hears of it too and hands over.
 * - `unreachable` keeps what it has. The node most likely does not hear of it, would go on answering, and two nodes would
 *   answer at once; after an outage of the API server all nodes look like this for a while. Whether the machine is alive is what
 *   its peers find out, in a fraction of a second. What they find dead is passed over, whatever its place.
 * - `out-of-service` is out: nobody writes that taint on a machine that runs.
 */
export const DEFAULT_GRADING: Grading<PlaceTreatment> = {
  cordoned: "behind",
  leaving: "behind",
  "not-ready": "behind",
  unreachable: "takes-no-more",
  "out-of-service": "out",
};

/** How far behind impairments put a node under a grading: 0 for not at all, else more for what is worse. */
export const gradeOf = (noticed: readonly Noticed[], grading: Grading<PlaceTreatment>): number =>
  noticed.reduce(
    (grade, { impairment }) =>
      grading[impairment] === "behind" ? Math.max(grade, IMPAIRMENTS.indexOf(impairment) + 1) : grade,
    0,
  );
