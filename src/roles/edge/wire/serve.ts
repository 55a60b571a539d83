/**
 * The wire process: everything that traffic depends on. It starts the agent and the fast thread, keeps the kernel's
 * forwarding and the health checks, and goes on by itself when the agent stalls or dies.
 */
import type { ChildProcess } from "node:child_process";
import { wallTime } from "#base/time";
import { VERSION } from "#base/version";
import type { Supervisor } from "#core/supervision/environment";
import { openChecks } from "#drivers/check/linux";
import { openClock } from "#drivers/clock/linux";
import { openConntrack } from "#drivers/conntrack/linux";
import { openSyncDaemons } from "#drivers/conntrackd/linux";
import { openDatagrams } from "#drivers/datagram/linux";
import { makeDirectory } from "#drivers/files/directory";
import { readCpuLimit } from "#drivers/host/linux";
import { createCollector } from "#drivers/host/memory";
import { openNetlink } from "#drivers/netlink/linux";
import { openNotify } from "#drivers/notify/linux";
import { openSysctl } from "#drivers/sysctl/linux";
import { createDeadlines } from "#runtime/deadlines";
import { openEdgeEngines } from "../engines.ts";
import { complaint, type EdgeOptions, EXIT } from "../options.ts";
import { agentCommand } from "./agent-child.ts";
import { startAgent } from "./agent-process.ts";
import { openBgpWorld } from "./bgp-world.ts";
import { startFast } from "./fast-link.ts";
import type { WireParts } from "./parts.ts";
import { Wire } from "./wire.ts";

/** Below this share of one CPU advertisements may be later than a failover takes. */
const CPU_WARNING = 1;

const warnOfCpuLimit = (complain: (message: string) => void): void => {
  const limit = readCpuLimit();
  if (limit === undefined || limit >= CPU_WARNING) return;
  complain(`its control group allows ${limit} CPU, so peers may see it die while it lives: remove the limit`);
};

type World = Omit<WireParts, "end">;

type Circumstances = {
  readonly options: EdgeOptions;
  readonly firstAgent: ChildProcess;
  readonly supervisor: Supervisor | undefined;
  /** Wall time in milliseconds. */
  readonly startedAt: number;
};

/** Opens everything, or says in one sentence what is missing. */
const openWorld = ({ options, firstAgent, supervisor, startedAt }: Circumstances): World | string => {
  const unmade = makeDirectory(options.runtimeDirectory);
  if (unmade !== undefined) return `--runtime-dir ${options.runtimeDirectory}: ${unmade}`;
  const netlink = openNetlink();
  if (!netlink.ok) return `cannot talk to the kernel (${netlink.error.request}): ${netlink.error.code}`;
  const clock = openClock({ onWake: () => deadlines.runDue() });
  if (!clock.ok) return `${clock.error.operation}: ${clock.error.code}`;
  const deadlines = createDeadlines(clock.value);
  const conntrack = openConntrack();
  return {
    options,
    facts: { pid: process.pid, startedAt: wallTime(startedAt), version: VERSION },
    netlink: netlink.value,
    engine: openEdgeEngines(options, () => clock.value.now()),
    sysctl: openSysctl(),
    checks: openChecks(),
    syncDaemons: openSyncDaemons(options.runtimeDirectory),
    datagrams: openDatagrams(),
    bgp: openBgpWorld(options.runtimeDirectory),
    conntrack: conntrack.ok ? conntrack.value : undefined,
    clock: clock.value,
    afterBurst: createCollector(),
    deadlines,
    startAgent: (agent) => startAgent({ ...agent, command: agentCommand(options), first: firstAgent }),
    startFast,
    notify: supervisor === undefined ? undefined : openNotify(supervisor.socket),
    watchdog: supervisor?.watchdog,
  };
};

/** Runs with this first agent until it is told to stop or cannot go on; gives the exit status. */
export const serve = async (
  options: EdgeOptions,
  firstAgent: ChildProcess,
  supervisor: Supervisor | undefined,
): Promise<number> => {
  const startedAt = Date.now() - process.uptime() * 1_000;
  const complain = (message: string): void => void process.stderr.write(complaint(options, message));
  const world = openWorld({ options, firstAgent, supervisor, startedAt });
  if (typeof world === "string") {
    complain(world);
    // It waits for a word from us, and we would wait for it.
    firstAgent.kill("SIGKILL");
    return EXIT.environment;
  }
  warnOfCpuLimit(complain);
  const status = await new Promise<number>((resolve) => {
    const wire = new Wire({ ...world, end: resolve });
    process.on("SIGTERM", () => void wire.stop("SIGTERM"));
    process.on("SIGINT", () => void wire.stop("SIGINT"));
    process.on("SIGUSR2", () => void wire.abandon("SIGUSR2"));
    process.on("SIGHUP", () => wire.reload());
  });
  // Sockets and timers would keep the process alive.
  setImmediate(() => process.exit(status));
  return status;
};
