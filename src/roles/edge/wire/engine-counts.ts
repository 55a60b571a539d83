/** Tells every few seconds what the engines have counted, while there are servers. */
import { after, seconds } from "#base/time";
import type { ForwardingPlan } from "#core/balance/plan-model";
import type { Balancer } from "#drivers/balance/port";
import type { Clock, Deadlines } from "#runtime/deadlines";

const PERIOD = seconds(5);
const DEADLINE_ID = "engine-counts";

export type EngineCounts = {
  /** A plan has come into force. */
  onApplied(plan: ForwardingPlan): void;
};

/** Looks at nothing before the first plan; says nothing while nothing is counted. */
export const createEngineCounts = (parts: {
  readonly engine: Pick<Balancer, "counts">;
  readonly clock: Pick<Clock, "now">;
  readonly deadlines: Deadlines;
  readonly tell: (counts: Readonly<Record<string, number>>) => void;
}): EngineCounts => {
  const { engine, clock, deadlines, tell } = parts;
  let looking = false;

  const look = (): void => {
    const counts = engine.counts();
    if (Object.keys(counts).length > 0) tell(counts);
    deadlines.set(DEADLINE_ID, after(clock.now(), PERIOD), look);
  };

  return {
    onApplied({ servers }) {
      const needed = servers.length > 0;
      if (needed === looking) return;
      looking = needed;
      deadlines.set(DEADLINE_ID, needed ? after(clock.now(), PERIOD) : undefined, look);
    },
  };
};
