/** Asks the kernel to run this thread before others. */
import { type Door, errnoName, openDoor } from "#native/door";

const SCHED_RR = 2;
/** Above ordinary programs, below the kernel's own threads. */
const REALTIME_PRIORITY = 10;
const HIGHEST_NICE = -20;

/** The best niceness for the calling thread; without the right to it (CAP_SYS_NICE) nothing changes. */
export const bePreferred = (door: Door = openDoor()): void => {
  door.setNice(HIGHEST_NICE);
};

/** Real-time scheduling for the calling thread, else the best niceness; gives what became of it, for the log. */
export const beRealtime = (door: Door = openDoor()): string => {
  const realtime = door.setScheduler(SCHED_RR, REALTIME_PRIORITY);
  if (realtime >= 0) return `scheduled as SCHED_RR ${REALTIME_PRIORITY}`;
  const nice = door.setNice(HIGHEST_NICE);
  const refused = `SCHED_RR was refused (${errnoName(realtime)})`;
  return nice >= 0
    ? `${refused}; nice ${HIGHEST_NICE} instead`
    : `${refused}, and so was a better niceness (${errnoName(nice)})`;
};
