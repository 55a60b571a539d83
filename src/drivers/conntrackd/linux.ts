/** conntrackd as a child process in the foreground, with all of its files in the run directory. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type DaemonStatistics, parseStatistics } from "#core/connection-sync/statistics";
import type { SyncDaemon, SyncDaemonPort } from "./port.ts";

const PROGRAM = "conntrackd";
const ENVIRONMENT = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LC_ALL: "C.UTF-8",
};
/** How long a daemon may take to answer, and to end after it was asked to, in milliseconds. */
const ANSWER_MS = 2_000;
const END_MS = 3_000;
const MAX_ANSWER_BYTES = 65_536;

type Paths = Readonly<Record<"config" | "pid" | "lock" | "socket" | "log", string>>;

const pathsIn = (directory: string): Paths => ({
  config: join(directory, "conntrackd.conf"),
  pid: join(directory, "conntrackd.pid"),
  lock: join(directory, "conntrackd.lock"),
  socket: join(directory, "conntrackd.sock"),
  // A pipe to us would kill the daemon with its next word after we were killed.
  log: join(directory, "conntrackd.log"),
});

const ask = (argv: readonly string[]): Promise<string | undefined> =>
  new Promise((resolve) => {
    const options = { timeout: ANSWER_MS, maxBuffer: MAX_ANSWER_BYTES, env: ENVIRONMENT };
    execFile(PROGRAM, argv, options, (error, stdout) => resolve(error === null ? stdout : undefined));
  });

const statistics = async (config: string): Promise<DaemonStatistics | undefined> => {
  const [general, queue] = await Promise.all([ask(["-C", config, "-s"]), ask(["-C", config, "-s", "queue"])]);
  return general === undefined || queue === undefined ? undefined : parseStatistics({ general, queue });
};

/** Whether that process is a daemon with our configuration: numbers are given to others again. */
const isOurs = (pid: number, config: string): boolean => {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return words.includes(PROGRAM) && words.includes(config);
  } catch {
    return false;
  }
};

const signal = (pid: number, which: NodeJS.Signals): void => {
  try {
    process.kill(pid, which);
  } catch {
    // It has ended meanwhile.
  }
};

/** Asks a process that is not our child to end, and kills it if it does not. */
const endStranger = async (pid: number, config: string): Promise<void> => {
  signal(pid, "SIGTERM");
  for (let waited = 0; waited < END_MS && isOurs(pid, config); waited += 20) await pause(20);
  if (isOurs(pid, config)) signal(pid, "SIGKILL");
};

/** A file's text, or nothing. */
const readText = (path: string): string => {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
};

const recordedPid = (path: string): number | undefined => {
  const pid = Number(readText(path).trim());
  return Number.isInteger(pid) && pid > 1 ? pid : undefined;
};

/** Where the daemon's words go; nowhere when there is no room for them. */
const openLog = (path: string): number | "ignore" => {
  try {
    return openSync(path, "w", 0o600);
  } catch {
    return "ignore";
  }
};

const started = (child: ChildProcess): Promise<string | undefined> =>
  new Promise((resolve) => {
    child.once("error", (error) => resolve(`${PROGRAM} did not start: ${error.message}`));
    child.once("spawn", () => resolve(undefined));
  });

const howItEnded = (code: number | null, by: string | null, lastWords: string): string => {
  const how = by === null ? `status ${code}` : by;
  // Its own lines begin with a time and its pid.
  const [line = ""] = lastWords.trim().split("\n").slice(-1);
  const words = line.replace(/^\[[^\]]*\] \(pid=\d+\) /, "");
  return words === "" ? how : `${how}: ${words}`;
};

class LinuxSyncDaemons implements SyncDaemonPort {
  readonly #paths: Paths;
  readonly files: SyncDaemonPort["files"];

  constructor(directory: string) {
    this.#paths = pathsIn(directory);
    this.files = { lock: this.#paths.lock, socket: this.#paths.socket };
  }

  async unavailable(): Promise<string | undefined> {
    const version = await ask(["-v"]);
    return version === undefined
      ? "the conntrackd program is missing or does not run: install the package conntrackd"
      : undefined;
  }

  async start(text: string, onExit: (detail: string) => void): Promise<SyncDaemon | string> {
    await this.sweep();
    const { config, pid: record } = this.#paths;
    try {
      writeFileSync(config, text, { mode: 0o600 });
    } catch (error) {
      return `${config} cannot be written: ${error instanceof Error ? error.message : error}`;
    }
    const log = openLog(this.#paths.log);
    const child = spawn(PROGRAM, ["-C", config], { stdio: ["ignore", log, log], env: ENVIRONMENT });
    if (typeof log === "number") closeSync(log);
    const refused = await started(child);
    if (refused !== undefined) return refused;
    const { pid } = child;
    if (pid === undefined) return `${PROGRAM} did not start`;
    let isStopping = false;
    const ended = new Promise<void>((resolve) => {
      child.once("exit", (code, by) => {
        if (!isStopping) onExit(howItEnded(code, by, readText(this.#paths.log)));
        resolve();
      });
    });
    try {
      writeFileSync(record, `${pid}\n`, { mode: 0o600 });
    } catch {
      // A full disk: should we be killed, the next run does not find it by number, and its lock file tells.
    }
    return {
      pid,
      statistics: () => statistics(config),
      stop: async () => {
        isStopping = true;
        signal(pid, "SIGTERM");
        const limit = setTimeout(() => signal(pid, "SIGKILL"), END_MS);
        await ended;
        clearTimeout(limit);
        this.#removeFiles();
      },
    };
  }

  leftBehind(): number | undefined {
    const pid = recordedPid(this.#paths.pid);
    return pid !== undefined && isOurs(pid, this.#paths.config) ? pid : undefined;
  }

  async sweep(): Promise<void> {
    const pid = this.leftBehind();
    if (pid !== undefined) await endStranger(pid, this.#paths.config);
    this.#removeFiles();
  }

  #removeFiles(): void {
    for (const path of Object.values(this.#paths)) rmSync(path, { force: true });
  }
}

/** The daemon of this machine, with its files in `directory`, which only we write to. */
export const openSyncDaemons = (directory: string): SyncDaemonPort => new LinuxSyncDaemons(directory);
