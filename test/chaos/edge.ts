/**
 * An edge as a service manager runs it: started again when it ends, with its runtime state on a small file system of
 * its own that outlives it.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { LabHostHandle, LabProcess } from "#lab/host";
import type { Part } from "./plan.ts";

/** Where the edge keeps its runtime state; big enough for it, small enough to fill. */
const RUNTIME = "/run/steelyard";
const RUNTIME_SIZE = "4m";
/** Written while the manager shall not start the edge again. */
const HOLD = "/run/chaos-hold";
/** What libfaketime reads. */
const CLOCK = "/run/chaos-clock";
/** Debian's folder for libraries of this CPU. */
const LIBRARIES = process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
const FAKE_CLOCK = {
  LD_PRELOAD: `/usr/lib/${LIBRARIES}/faketime/libfaketimeMT.so.1`,
  FAKETIME_TIMESTAMP_FILE: CLOCK,
  FAKETIME_CACHE_DURATION: "1",
  // As in a real machine whose clock is set.
  DONT_FAKE_MONOTONIC: "1",
};
const FILLER = `${RUNTIME}/filler`;

/**
 * $1: log file; the rest: the edge. Says `edge PID` at each start. On SIGTERM the edge is told to end, and not started
 * again; then the manager says what is left in the runtime directory, and ends.
 */
const MANAGER = `
log=$1; shift; mkdir -p "$(dirname "$log")"
mkdir -p ${RUNTIME} && mount -t tmpfs -o size=${RUNTIME_SIZE},mode=700 chaos ${RUNTIME}
trap 'ending=1; kill -TERM $edge 2>/dev/null' TERM
while [ -z "$ending" ]; do
  if [ -e ${HOLD} ]; then sleep 0.02; continue; fi
  "$@" >>"$log" 2>&1 &
  edge=$!
  echo "edge $edge"
  wait $edge; status=$?
  [ -n "$ending" ] && { wait $edge; status=$?; }
  echo "ended $status"
  [ "$status" = 0 ] || sleep 0.05
done
echo "left" $(ls -A ${RUNTIME})
`;

export type ManagedEdge = {
  readonly host: LabHostHandle;
  /** The wire process, by its number inside of the lab; `undefined` while none runs. */
  readonly pid: () => string | undefined;
  /** Signals one process of the edge. */
  readonly signal: (part: Part, signal: "SIGKILL" | "SIGSTOP" | "SIGCONT" | "SIGTERM") => Promise<void>;
  /** Keeps the manager from starting the edge again, or lets it. */
  readonly hold: (held: boolean) => Promise<void>;
  /** Sets what its processes take for the time of day, in seconds from the real one. */
  readonly setClock: (seconds: number) => Promise<void>;
  /** Takes or gives back all room where the runtime state is kept. */
  readonly fillDisk: (full: boolean) => Promise<void>;
  /** Tells edge and manager to end, and resolves when they have; gives what is left in the runtime directory. */
  readonly end: () => Promise<readonly string[]>;
};

/** The last line `edge PID` or `ended STATUS`. */
const lastWord = (manager: LabProcess): { readonly pid: string; readonly isRunning: boolean } => {
  const lines = manager.stdout().trim().split("\n");
  const [, pid = ""] = lines.findLast((line) => line.startsWith("edge "))?.split(" ") ?? [];
  return { pid, isRunning: lines.at(-1)?.startsWith("edge ") === true };
};

/** Starts the manager with an edge of that command line. */
export const manage = async (
  host: LabHostHandle,
  { argv, log }: { readonly argv: readonly string[]; readonly log: string },
): Promise<ManagedEdge> => {
  await host.expect(["sh", "-c", `echo +0 >${CLOCK}`]);
  const edge = ["env", ...Object.entries(FAKE_CLOCK).map(([name, value]) => `${name}=${value}`), ...argv];
  const manager = await host.spawn(["sh", "-c", MANAGER, "sh", log, ...edge]);
  await manager.said(/^edge /m);
  const inside = (...command: readonly string[]) =>
    host.run(["nsenter", "-t", String(manager.pid), "-m", ...command]);
  return {
    host,
    pid: () => {
      const { pid, isRunning } = lastWord(manager);
      return isRunning ? pid : undefined;
    },
    signal: async (part, signal) => {
      const { pid } = lastWord(manager);
      const victims =
        part === "wire" ? [pid] : (await host.run(["pgrep", "-P", pid])).stdout.trim().split("\n");
      // It may have ended by itself, or not have started its agent yet: then there is nothing to do.
      for (const victim of victims.filter((each) => each !== "")) {
        await host.run(["kill", `-${signal.slice(3)}`, victim]);
      }
    },
    hold: async (held) => {
      await host.expect(held ? ["touch", HOLD] : ["rm", "-f", HOLD]);
    },
    setClock: async (seconds) => {
      // Replaced, never half written: it is read all the time.
      const offset = `${seconds < 0 ? "" : "+"}${seconds}`;
      await host.expect(["sh", "-c", `echo ${offset} >${CLOCK}.new && mv ${CLOCK}.new ${CLOCK}`]);
    },
    fillDisk: async (full) => {
      if (full) await inside("dd", "if=/dev/zero", `of=${FILLER}`, "bs=4k", "count=4096");
      else await inside("rm", "-f", FILLER);
    },
    end: async () => {
      await host.expect(["rm", "-f", HOLD]);
      for (let tries = 0; !lastWord(manager).isRunning && tries < 100; tries += 1) await pause(20);
      await manager.signal("SIGTERM");
      const [, left = ""] = await manager.said(/^left(.*)$/m, 10_000);
      return left.split(" ").filter((name) => name !== "");
    },
  };
};
