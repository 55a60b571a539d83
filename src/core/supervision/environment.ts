/** Reads what a service manager asks of us from the environment that it gave us (sd_notify(3), sd_watchdog_enabled(3)). */
import { type Duration, micros } from "#base/time";

/** A service manager that wants to hear from us. */
export type Supervisor = {
  /** Its datagram socket: a path, or `@` and a name in the abstract namespace (unix(7)). */
  readonly socket: string;
  /** It ends us when it hears no sign of life for so long; `undefined` when it does not watch us. */
  readonly watchdog?: Duration;
};

/** The variables that are meant for us alone, not for what we start. */
export const SUPERVISOR_VARIABLES = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] as const;

type Environment = Readonly<Record<string, string | undefined>>;

const watchdogOf = (environment: Environment, pid: number): Duration | undefined => {
  const { WATCHDOG_USEC: text = "", WATCHDOG_PID: watched } = environment;
  if (watched !== undefined && watched !== String(pid)) return undefined;
  if (!/^[1-9]\d{0,15}$/.test(text)) return undefined;
  return micros(Number(text));
};

/** The supervisor of the process `pid`; `undefined` when there is none that we can reach. */
export const readSupervisor = (environment: Environment, pid: number): Supervisor | undefined => {
  const socket = environment.NOTIFY_SOCKET;
  if (socket === undefined || !/^[/@]./.test(socket)) return undefined;
  const watchdog = watchdogOf(environment, pid);
  return watchdog === undefined ? { socket } : { socket, watchdog };
};
