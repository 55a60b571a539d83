/**
 * Whether this node announces as usual, as the last resort, or not at all any more.
 *
 * ```
 *            something is the matter              drain, drainTime long
 *  regular ──────────────────────────▶ last-resort ───────────────────▶ gone
 *     ◀──────────── it is over ─────────────┴──────────────────────────────┘
 * ```
 */
import { after, type Instant } from "#base/time";
import type { Noticed } from "#core/node/impairment";
import type { RouteTreatment, Rules } from "./rules.ts";

export type Stance = "regular" | "last-resort" | "gone";

/** The stance of this node, and since when it drains. */
export type Departure = { readonly stance: Stance; readonly drainingSince: Instant | undefined };

export const STAYING: Departure = { stance: "regular", drainingSince: undefined };

const ORDER: readonly RouteTreatment[] = ["none", "last-resort", "drain", "withdraw"];

const worst = (treatments: readonly RouteTreatment[]): RouteTreatment =>
  ORDER[Math.max(0, ...treatments.map((treatment) => ORDER.indexOf(treatment)))] ?? "none";

/** What the node is at `now`, from what it was, what is the matter with it, and whether the speaker is to end. */
export const stepDeparture = (
  before: Departure,
  {
    noticed,
    plan,
    rules,
    now,
  }: {
    readonly noticed: readonly Noticed[];
    readonly plan: "stay" | "leave";
    readonly rules: Pick<Rules, "grading" | "drainTime">;
    readonly now: Instant;
  },
): Departure => {
  const treatments = noticed.map(({ impairment }) => rules.grading[impairment]);
  const treatment = worst(plan === "leave" ? [...treatments, "drain"] : treatments);
  switch (treatment) {
    case "none":
      return STAYING;
    case "last-resort":
      return { stance: "last-resort", drainingSince: undefined };
    case "withdraw":
      return { stance: "gone", drainingSince: undefined };
    default: {
      // Whoever is gone does not come back in order to drain.
      if (before.stance === "gone" && before.drainingSince === undefined) return before;
      const drainingSince = before.drainingSince ?? now;
      const isOver = after(drainingSince, rules.drainTime) <= now;
      return { stance: isOver ? "gone" : "last-resort", drainingSince };
    }
  }
};

/** When a drain is over; `undefined` if none is under way. */
export const departureDeadline = (
  { stance, drainingSince }: Departure,
  { drainTime }: Pick<Rules, "drainTime">,
): Instant | undefined =>
  stance === "last-resort" && drainingSince !== undefined ? after(drainingSince, drainTime) : undefined;
