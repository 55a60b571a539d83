/** A conntrackd that a killed edge left running. */
import type { SyncDaemonPort } from "#drivers/conntrackd/port";
import type { Finder } from "./leftover.ts";

/** Looks for the daemon by the number that the edge recorded, and ends it. */
export const findSyncDaemon =
  (daemons: Pick<SyncDaemonPort, "leftBehind" | "sweep">): Finder =>
  async () => {
    const pid = daemons.leftBehind();
    if (pid === undefined) return [];
    return [
      {
        what: `conntrackd, pid ${pid}`,
        remove: async () => {
          await daemons.sweep();
          return undefined;
        },
      },
    ];
  };
