/** Notices when a burst of work is over, as what it leaves in memory can be given back then. */
import { type Duration, seconds } from "#base/time";
import type { Cancel, Time } from "#drivers/kubernetes/time";

export type Bursts = {
  /** Something was read or written. */
  note(): void;
  close(): void;
};

/** Reads and writes that leave enough behind. */
const MANY = 200;
/** Between two looks at how many there were. */
const WINDOW: Duration = seconds(2);
/** With so many in that time it counts as quiet: the lease is renewed all the time, and a cluster is never quite at rest. */
const FEW = 20;

/** Calls `onOver` after each burst, and `onBegin` once so much has been done that it is one. */
export const createBursts = (
  clock: Pick<Time, "later">,
  onOver: () => void,
  onBegin: () => void = () => {},
): Bursts => {
  /** Since it was quiet. A start leaves as much behind as any burst. */
  let changes = MANY;
  let inWindow = 0;
  let cancel: Cancel | undefined;
  const look = (): void => {
    const isQuiet = inWindow <= FEW;
    const wasBurst = changes >= MANY;
    inWindow = 0;
    cancel = isQuiet ? undefined : clock.later(WINDOW, look);
    if (!isQuiet) return;
    changes = 0;
    if (wasBurst) onOver();
  };
  return {
    note() {
      changes += 1;
      inWindow += 1;
      if (changes === MANY) onBegin();
      cancel ??= clock.later(WINDOW, look);
    },
    close: () => cancel?.(),
  };
};
