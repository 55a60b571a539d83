/** Asks the kernel to run this thread, or this process, before others. */
import { readdirSync } from "node:fs";
import { setPriority } from "node:os";
import { type Door, errnoName, openDoor } from "#native/door";

const SCHED_RR = 2;
/** What the thread starts is scheduled as usual (SCHED_RESET_ON_FORK). */
const RESET_ON_FORK = 0x4000_0000;
/** Above ordinary programs, below the kernel's own threads. */
const REALTIME_PRIORITY = 10;
/** What is waited for goes first, and is soon over. */
const HELPER_PRIORITY = REALTIME_PRIORITY + 1;
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

/** What the threads of a process are given. */
type Threads = {
  /** Their numbers, but for the main thread's. */
  readonly list: () => readonly number[];
  readonly setNice: (thread: number, nice: number) => void;
};

const OWN: Threads = {
  list: () =>
    readdirSync("/proc/self/task")
      .map(Number)
      .filter((thread) => thread !== process.pid),
  setNice: setPriority,
};

/**
 * The same for a process whose main thread is the one that must not wait, with the threads that V8 has started: what they have begun
 * the main thread asks for again and again until it is done. On a processor that it does not give away it would ask for ever; with
 * the same priority, for as long as the kernel lets one of equals run at a time, which is 100 ms.
 *
 * Threads that are started later are scheduled as usual.
 */
export const beRealtimeWithHelpers = (
  door: Scheduler & Pick<Door, "setSchedulerOf"> = openDoor(),
  threads: Threads = OWN,
): RealtimeOutcome => {
  const outcome = beRealtime(door);
  try {
    for (const thread of threads.list()) {
      if (outcome.granted) door.setSchedulerOf(thread, SCHED_RR | RESET_ON_FORK, HELPER_PRIORITY);
      else threads.setNice(thread, HIGHEST_NICE);
    }
  } catch {
    // A thread has ended meanwhile, or niceness is refused as well.
  }
  return outcome;
};
