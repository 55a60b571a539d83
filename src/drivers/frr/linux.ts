/** FRR by `vtysh`. Lines go in through a pipe: passwords are in no file and in no list of processes. */
import { type ChildProcess, spawn } from "node:child_process";
import type { FrrAnswer, FrrFailure, FrrPort } from "./port.ts";

const ENVIRONMENT = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LC_ALL: "C.UTF-8",
  // Without it a pager waits for somebody to press a key.
  VTYSH_PAGER: "cat",
};

/** For one command, in milliseconds: ten thousand networks take FRR some seconds. */
const PATIENCE_MS = 30_000;
/** A configuration of a hundred thousand lines has a tenth of it. */
const MOST_BYTES = 64 * 1_024 * 1_024;
const LONGEST_MESSAGE = 500;

export type FrrOptions = {
  /** The shell, and words before every command: `["vtysh", "--vty_socket", "/run/frr"]`. */
  readonly shell?: readonly string[];
  readonly patienceMs?: number;
};

type Ended = {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | undefined;
  readonly failure: FrrFailure | undefined;
};

/** Ends a shell and what it started. */
const end = (child: ChildProcess): void => {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
};

/** What FRR printed, for people: passwords are what it repeats of a line that it refuses. */
const shown = (text: string): string =>
  text
    .replaceAll(/\b(password) .*/g, "$1 ...")
    .replaceAll(/\p{Cc}+/gu, " ")
    .trim()
    .slice(0, LONGEST_MESSAGE);

const run = (argv: readonly string[], input: string | undefined, patienceMs: number): Promise<Ended> =>
  new Promise((resolve) => {
    const [program = "", ...words] = argv;
    const child = spawn(program, words, { env: ENVIRONMENT, stdio: "pipe", detached: true });
    const texts = { stdout: "", stderr: "" };
    let size = 0;
    let failure: FrrFailure | undefined;
    const fail = (reason: FrrFailure["reason"], message: string): void => {
      failure ??= { reason, message };
      end(child);
    };
    const timer = setTimeout(
      () => fail("no-answer", `${program} did not answer in ${patienceMs / 1_000} s`),
      patienceMs,
    );
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (chunk: string) => {
        size += chunk.length;
        if (size > MOST_BYTES) fail("too-long", `${program} printed more than ${MOST_BYTES} characters`);
        else texts[name] += chunk;
      });
    }
    child.on("error", (error) => {
      failure ??= { reason: "no-shell", message: `${program} does not start: ${error.message}` };
      clearTimeout(timer);
      resolve({ ...texts, status: undefined, failure });
    });
    child.on("close", (status) => {
      clearTimeout(timer);
      resolve({ ...texts, status: status ?? undefined, failure });
    });
    // It may have ended before it read everything.
    child.stdin.on("error", () => {});
    child.stdin.end(input ?? "");
  });

/** `vtysh` says so with words of its own, and ends with 1 as for much else. */
const NO_DAEMON = /failed to connect to any daemons|is not running/i;
/** What `sh` says of a program that it does not find. */
const NOT_FOUND = 127;

const failureOf = ({ stdout, stderr, status, failure }: Ended): FrrFailure | undefined => {
  if (failure !== undefined) return failure;
  const said = shown(`${stderr} ${status === 0 ? "" : stdout.slice(0, 2_000)}`);
  if (NO_DAEMON.test(stderr) || (status !== 0 && NO_DAEMON.test(stdout)))
    return { reason: "no-daemon", message: said };
  if (status === NOT_FOUND) return { reason: "no-shell", message: said };
  if (status === 0) return undefined;
  return { reason: "refused", message: said === "" ? `vtysh ended with ${status}` : said };
};

/** The FRR that this shell talks to. */
export const openFrr = ({ shell = ["vtysh"], patienceMs = PATIENCE_MS }: FrrOptions = {}): FrrPort => {
  const ask = async (...commands: readonly string[]): Promise<FrrAnswer<string>> => {
    const argv = [...shell, ...commands.flatMap((command) => ["-c", command])];
    const ended = await run(argv, undefined, patienceMs);
    const failure = failureOf(ended);
    return failure === undefined ? { ok: true, value: ended.stdout } : { ok: false, failure };
  };
  return {
    running: () => ask("show running-config", "show daemons"),
    configure: async (lines) => {
      // Our end of a child's input is a socket, which cannot be opened by a name, as vtysh wants to.
      const piped = ["sh", "-c", 'cat | exec "$@" -f /dev/stdin', "sh", ...shell];
      const ended = await run(piped, `${lines.join("\n")}\n`, patienceMs);
      const failure = failureOf(ended);
      return failure === undefined ? { ok: true, value: undefined } : { ok: false, failure };
    },
    sessions: () => ask("show bgp vrf all neighbors json"),
  };
};
