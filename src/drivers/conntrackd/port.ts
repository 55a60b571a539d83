/** Runs conntrackd and asks it how it is. */
import type { DaemonFiles } from "#core/connection-sync/daemon-config";
import type { DaemonStatistics } from "#core/connection-sync/statistics";

/** A daemon that runs. */
export type SyncDaemon = {
  readonly pid: number;
  /** What it says of itself; `undefined` when it does not answer. */
  statistics(): Promise<DaemonStatistics | undefined>;
  /** Ends it: asked first, then killed. Resolves when it has ended. */
  stop(): Promise<void>;
};

export type SyncDaemonPort = {
  /** The daemon's own files, for its configuration. */
  readonly files: DaemonFiles;
  /** Why it cannot be run here, with the remedy; `undefined` when it can. */
  unavailable(): Promise<string | undefined>;
  /**
   * Starts it with this configuration, after ending one that an earlier run of the program left behind. `onExit` is
   * told once how it ended, unless it was stopped. Gives a reason when it cannot be started.
   */
  start(text: string, onExit: (detail: string) => void): Promise<SyncDaemon | string>;
  /** The number of a daemon that an earlier run of the program left behind; `undefined` when there is none. */
  leftBehind(): number | undefined;
  /** Ends a daemon that an earlier run of the program left behind, and removes its files. */
  sweep(): Promise<void>;
};
