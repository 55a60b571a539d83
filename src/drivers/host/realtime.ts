/** Asks the kernel to run this thread before others. */
import { type Door, errnoName, openDoor } from "#native/door";

const SCHED_RR = 2;
/** What the thread starts is scheduled as usual (SCHED_RESET_ON_FORK). */
const RESET_ON_FORK = 0x4000_0000;
/** Above ordinary programs, below the kernel's own threads. */
const REALTIME_PRIORITY = 10;
const HIGHEST_NICE = -20;

type Scheduler = Pick<Door, "setNice" | "setScheduler">;

/** What became of a wish for real-time scheduling, in words for the log. */
export type RealtimeOutcome = { readonly granted: boolean; readonly detail: string };

/** The best niceness for the calling thread; without the right to it (CAP_SYS_NICE) nothing changes. */
export const bePreferred = (door: Scheduler = openDoor()): void => {
  door.setNice(HIGHEST_NICE);
};

/** Real-time scheduling for the calling thread, else the best niceness. */
export const beRealtime = (door: Scheduler = openDoor()): RealtimeOutcome => {
  const realtime = door.setScheduler(SCHED_RR | RESET_ON_FORK, REALTIME_PRIORITY);
  if (realtime >= 0) return { granted: true, detail: `scheduled as SCHED_RR ${REALTIME_PRIORITY}` };
  const nice = door.setNice(HIGHEST_NICE);
  const refused = `SCHED_RR was refused (${errnoName(realtime)})`;
  const instead =
    nice >= 0 ? `; nice ${HIGHEST_NICE} instead` : `, and so was a better niceness (${errnoName(nice)})`;
  return { granted: false, detail: `${refused}${instead}` };
};
