/** Looks every few seconds how full the connection tracking table is, while there are servers that need it. */
import { after, seconds } from "#base/time";
import { type Fullness, fullnessOf } from "#core/conntrack/fullness";
import type { Event } from "#core/observation/event";
import type { ConntrackPort } from "#drivers/conntrack/port";
import type { Clock, Deadlines } from "#runtime/deadlines";

const PERIOD = seconds(5);
const DEADLINE_ID = "conntrack-usage";

export type TableWatch = {
  /** Looks from now on, or no more. */
  watch(needed: boolean): void;
};

/** Looks at nothing until told to. */
export const createTableWatch = (parts: {
  readonly conntrack: ConntrackPort | undefined;
  readonly clock: Pick<Clock, "now">;
  readonly deadlines: Deadlines;
  readonly emit: (event: Event) => void;
}): TableWatch => {
  const { conntrack, clock, deadlines, emit } = parts;
  let known: Fullness = "ample";
  let watching = false;

  const look = (): void => {
    const usage = conntrack?.usage();
    if (usage?.ok === true) {
      const fullness = fullnessOf(known, usage.value);
      const { entries, limit } = usage.value;
      if (fullness !== known)
        emit({ type: "conntrack", change: fullness, detail: `${entries} of ${limit} entries` });
      known = fullness;
    }
    deadlines.set(DEADLINE_ID, after(clock.now(), PERIOD), look);
  };

  return {
    watch(needed) {
      if (needed === watching || conntrack === undefined) return;
      watching = needed;
      if (needed) look();
      else deadlines.set(DEADLINE_ID, undefined, look);
    },
  };
};
