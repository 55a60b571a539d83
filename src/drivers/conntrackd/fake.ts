/** A daemon that only pretends, for tests. */
import type { DaemonStatistics } from "#core/connection-sync/statistics";
import type { SyncDaemonPort } from "./port.ts";

export type FakeSyncDaemons = SyncDaemonPort & {
  /** What was done, in order: `start TEXT`, `stop PID`, `sweep`. */
  readonly log: string[];
  /** What the running daemon says of itself from now on. */
  says: DaemonStatistics | undefined;
  /** Why the next start fails. */
  refuses: string | undefined;
  missing: string | undefined;
  /** Lets the running daemon end by itself. */
  readonly crash: (detail: string) => void;
};

/** No daemon runs at first. */
export const fakeSyncDaemons = (): FakeSyncDaemons => {
  let pid = 100;
  let exit: ((detail: string) => void) | undefined;
  const fake: FakeSyncDaemons = {
    log: [],
    says: { ours: 0, theirs: 0, heard: 0, unconfirmed: 0 },
    refuses: undefined,
    missing: undefined,
    files: { lock: "/run/lock", socket: "/run/socket" },
    unavailable: async () => fake.missing,
    start: async (text, onExit) => {
      if (fake.refuses !== undefined) return fake.refuses;
      pid += 1;
      const own = pid;
      exit = onExit;
      fake.log.push(`start ${text}`);
      return {
        pid: own,
        statistics: async () => fake.says,
        stop: async () => {
          exit = undefined;
          fake.log.push(`stop ${own}`);
        },
      };
    },
    sweep: async () => {
      fake.log.push("sweep");
    },
    leftBehind: () => undefined,
    crash: (detail) => exit?.(detail),
  };
  return fake;
};
