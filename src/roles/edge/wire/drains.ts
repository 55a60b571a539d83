/** Says which backends are being drained, until when, and when they are. */
import { between, toMillis, type WallTime, wallTime } from "#base/time";
import { drainChanges } from "#core/balance/drain";
import type { ForwardingPlan } from "#core/balance/plan-model";
import type { Event } from "#core/observation/event";
import type { Clock } from "#runtime/deadlines";

export type Drains = {
  /** A plan has come into force. */
  onApplied(plan: ForwardingPlan): void;
};

/** Knows of no drain before the first plan. `wallNow` is the time of day now. */
export const createDrains = (parts: {
  readonly clock: Pick<Clock, "now">;
  readonly wallNow: () => WallTime;
  readonly emit: (event: Event) => void;
}): Drains => {
  const { clock, wallNow, emit } = parts;
  let known: ForwardingPlan | undefined;
  return {
    onApplied(plan) {
      if (plan === known) return;
      const changes = drainChanges(known, plan);
      known = plan;
      for (const { until, ...change } of changes) {
        const left = until === undefined ? undefined : toMillis(between(clock.now(), until));
        emit({
          type: "backend-drain",
          ...change,
          ...(left === undefined ? {} : { until: wallTime(wallNow() + left) }),
        });
      }
    },
  };
};
