/** A host of an open lab and the programs one runs in it. */
import { type Connection, LabError } from "./connection.ts";
import type { Exit } from "./protocol.ts";

/** How a program is started. */
export type SpawnOptions = {
  readonly env?: Readonly<Record<string, string>>;
  /** Default: the working directory of this process. */
  readonly directory?: string;
  /** A file below /run/lab for both outputs; default: they are kept and given by `stdout` and `stderr`. */
  readonly log?: string;
  /** The program stays when this user leaves; needs `log`. */
  readonly lasting?: boolean;
};

export type RunOptions = SpawnOptions & {
  readonly input?: string;
  /** Killed after that many milliseconds; default 30,000. */
  readonly timeoutMs?: number;
};

export type RunResult = Exit & { readonly stdout: string; readonly stderr: string };

/** A program that runs in a host. */
export type LabProcess = {
  /** Its number inside of the lab. */
  readonly pid: number;
  readonly exited: Promise<Exit>;
  /** All it has said so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves with the first match in either output, now or later; fails when it ends or the time is up. */
  readonly said: (pattern: RegExp, timeoutMs?: number) => Promise<RegExpExecArray>;
  readonly write: (text: string) => Promise<void>;
  readonly endInput: () => Promise<void>;
  /** Signals it and its process group. */
  readonly signal: (signal: NodeJS.Signals) => Promise<void>;
  /** SIGTERM, and SIGKILL if it is still there after `graceMs` (default 5,000). */
  readonly stop: (graceMs?: number) => Promise<Exit>;
};

export type LabHostHandle = {
  readonly name: string;
  /** Runs a command to its end. */
  readonly run: (argv: readonly string[], options?: RunOptions) => Promise<RunResult>;
  /** Runs a command to its end, gives what it wrote, and throws unless it ended with code 0. */
  readonly expect: (argv: readonly string[], options?: RunOptions) => Promise<string>;
  readonly spawn: (argv: readonly string[], options?: SpawnOptions) => Promise<LabProcess>;
  /** Signals every process in this host, whoever started it. SIGKILL returns when none is left. */
  readonly signalAll: (signal: "SIGKILL" | "SIGSTOP" | "SIGCONT" | "SIGTERM") => Promise<void>;
  /** A file of this host's own /run, or of /run/lab. */
  readonly write: (path: string, text: string) => Promise<void>;
  readonly read: (path: string) => Promise<string>;
};

/** Collects output and lets several callers wait for something in it. */
const openTranscript = () => {
  const text = { stdout: "", stderr: "" };
  const watchers = new Set<() => void>();
  const wake = (): void => {
    for (const watcher of watchers) watcher();
  };
  return { text, watchers, wake };
};

const spawnIn = async (
  connection: Connection,
  host: string,
  argv: readonly string[],
  options: SpawnOptions = {},
): Promise<LabProcess> => {
  const { text, watchers, wake } = openTranscript();
  const { promise: exited, resolve } = Promise.withResolvers<Exit>();
  let end: Exit | undefined;
  const order = { op: "start", options: { directory: process.cwd(), ...options, host, argv } } as const;
  const { id, pid } = await connection.start(order, {
    onOutput: (stream, piece) => {
      text[stream] += piece;
      wake();
    },
    onExit: (exit) => {
      end = exit;
      resolve(exit);
      wake();
    },
  });
  const signal = (which: NodeJS.Signals) => connection.ask({ op: "signal", process: id, signal: which });
  const name = `${argv[0]} in ${host}`;

  const said = (pattern: RegExp, timeoutMs = 30_000): Promise<RegExpExecArray> =>
    new Promise((found, failed) => {
      const stop = (): void => {
        clearTimeout(timer);
        watchers.delete(look);
      };
      const fail = (why: string): void => {
        stop();
        failed(new LabError(`${name} ${why} before it said ${pattern}: ${text.stdout}${text.stderr}`));
      };
      const look = (): void => {
        const match = pattern.exec(text.stdout) ?? pattern.exec(text.stderr);
        if (match !== null) {
          stop();
          found(match);
        } else if (end !== undefined) fail("ended");
      };
      const timer = setTimeout(() => fail(`took more than ${timeoutMs} ms`), timeoutMs);
      watchers.add(look);
      look();
    });

  return {
    pid,
    exited,
    stdout: () => text.stdout,
    stderr: () => text.stderr,
    said,
    write: (input) => connection.ask({ op: "input", process: id, text: input, end: false }),
    endInput: () => connection.ask({ op: "input", process: id, text: "", end: true }),
    signal,
    stop: async (graceMs = 5_000) => {
      if (end === undefined) await signal("SIGTERM");
      const timer = setTimeout(() => void signal("SIGKILL").catch(() => {}), graceMs);
      return await exited.finally(() => clearTimeout(timer));
    },
  };
};

const runIn = async (
  connection: Connection,
  host: string,
  argv: readonly string[],
  { input = "", timeoutMs = 30_000, ...options }: RunOptions = {},
): Promise<RunResult> => {
  const started = await spawnIn(connection, host, argv, options);
  if (input !== "") await started.write(input);
  await started.endInput();
  const timer = setTimeout(() => void started.signal("SIGKILL").catch(() => {}), timeoutMs);
  const exit = await started.exited.finally(() => clearTimeout(timer));
  return { ...exit, stdout: started.stdout(), stderr: started.stderr() };
};

/** The host of that name, through a connection to its lab. */
export const openHost = (connection: Connection, name: string): LabHostHandle => {
  const place = (path: string): string =>
    path.startsWith("/run/lab/") ? path : path.replace(/^\/run\//, `/run/lab/hosts/${name}/run/`);
  return {
    name,
    run: (argv, options) => runIn(connection, name, argv, options),
    expect: async (argv, options) => {
      const { code, signal, stdout, stderr } = await runIn(connection, name, argv, options);
      if (code === 0) return stdout;
      throw new LabError(
        `${argv.join(" ")} in ${name} ended with ${signal ?? `code ${code}`}: ${stdout}${stderr}`,
      );
    },
    spawn: (argv, options) => spawnIn(connection, name, argv, options),
    signalAll: (signal) => connection.ask({ op: "fault", fault: { type: "signal", host: name, signal } }),
    write: (path, text) => connection.ask({ op: "write", path: place(path), text }),
    read: (path) => connection.ask({ op: "read", path: place(path) }),
  };
};
