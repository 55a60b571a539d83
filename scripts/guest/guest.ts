/**
 * Runs a command as root in another Linux kernel that finds this machine's files: what run-in-uml.ts and run-in-vm.ts share.
 *
 * There the files are read-only, /tmp and /run empty, the checkout where it is here, and a folder for results in
 * `$UML_RESULTS` or `$VM_RESULTS`, which is kept if one was given. A tally (see run-suite.ts) comes back too. A kernel
 * that does not boot, panics or does not end in time is a failure.
 */
import { type ChildProcess, spawn } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { getPriority, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { CHECKOUT, firstScript, type Setting, type Share } from "./first.ts";

/** How to start the machine, with its standard output in the first pipe. */
export type Start = {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
};

/** One kind of machine. */
export type Guest = {
  /** Begins every line about the machine. In capitals it begins the names of its variables. */
  readonly name: "uml" | "vm";
  /** Longest time, in minutes, unless `$UML_MINUTES` or `$VM_MINUTES` says another. */
  readonly minutes: number;
  /** What the kernel says whenever it boots and ends. */
  readonly noise: RegExp;
  /** What is missing here, in one line; `undefined` when everything is there. */
  readonly lacking: () => string | undefined;
  /** How its first process mounts, finds modules and ends. */
  readonly setting: () => Setting;
  /** `folder` is for files of this run; `init` is the first process. */
  readonly start: (run: {
    readonly folder: string;
    readonly init: string;
    readonly shares: readonly Share[];
  }) => Start;
};

/** Shows what the machine says until it ends; kills it with everything in it when its time is up. */
const watch = async (machine: ChildProcess, { name, noise, minutes }: Guest): Promise<void> => {
  const end = (): void => {
    if (machine.pid !== undefined && machine.exitCode === null) process.kill(-machine.pid, "SIGKILL");
  };
  const timer = setTimeout(() => {
    console.error(`${name}: not done after ${minutes} minutes`);
    end();
  }, minutes * 60_000);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, end);
  machine.once("error", (error) => console.error(`${name}: ${error.message}`));
  if (machine.stdout !== null) {
    for await (const line of createInterface({ input: machine.stdout })) {
      if (!noise.test(line)) console.log(line.replaceAll("\r", ""));
    }
  }
  clearTimeout(timer);
};

/**
 * Where Linux shares processors between sessions first (autogroup), a nice machine in a session of its own would have as much as
 * everybody else together.
 */
const stayBehind = ({ pid }: ChildProcess): void => {
  const niceness = getPriority();
  if (pid === undefined || niceness <= 0) return;
  try {
    writeFileSync(`/proc/${pid}/autogroup`, `${niceness}`);
  } catch {
    // A kernel without autogroup, or one that does not let us: it only takes longer for others.
  }
};

/** The folder of Kubernetes' programs, if there is one, and the folders in which those lie that are only linked there. */
const programFolders = (): readonly string[] => {
  const folder = process.env.KUBEBUILDER_ASSETS ?? "";
  if (!existsSync(folder)) return [];
  const places = readdirSync(folder).map((name) => dirname(realpathSync(join(folder, name))));
  return [...new Set([realpathSync(folder), ...places])];
};

const runIn = async (guest: Guest, command: readonly string[]): Promise<number> => {
  const variable = guest.name.toUpperCase();
  const folder = mkdtempSync(join(realpathSync(tmpdir()), `steelyard-${guest.name}-`));
  const given = process.env[`${variable}_RESULTS`] ?? join(folder, "results");
  try {
    mkdirSync(given, { recursive: true });
    const results = realpathSync(given);
    const [status, tally] = [join(results, "status"), join(results, "tally")];
    for (const left of [status, tally]) rmSync(left, { force: true });
    const setting = guest.setting();
    // The folder for results may be in the checkout.
    const shares: readonly Share[] = [
      ...[CHECKOUT, ...setting.further, ...programFolders()].map((path) => ({ path, mode: "ro" }) as const),
      { path: results, mode: "rw" },
    ];
    const init = join(folder, "init");
    const script = firstScript(guest.name, setting, { results, shares, command });
    writeFileSync(init, script, { mode: 0o755 });
    const { program, args, env } = guest.start({ folder, init, shares });
    const machine = spawn(program, args, {
      stdio: ["ignore", "pipe", guest.name === "uml" ? "ignore" : "inherit"],
      detached: true,
      env: { ...process.env, ...env },
    });
    stayBehind(machine);
    await watch(machine, {
      ...guest,
      minutes: Number(process.env[`${variable}_MINUTES`] ?? guest.minutes),
    });
    if (process.env.TEST_TALLY !== undefined && existsSync(tally)) {
      appendFileSync(process.env.TEST_TALLY, readFileSync(tally));
    }
    if (existsSync(status)) return Number(readFileSync(status, "utf8"));
    console.error(`${guest.name}: the machine ended before the command did`);
    return 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** Runs the command in a machine of this kind; resolves with its status, 2 if there can be no such machine here. */
export const runInGuest = async (guest: Guest, command: readonly string[]): Promise<number> => {
  const usage = `usage: node scripts/run-in-${guest.name}.ts COMMAND…`;
  const problem = command.length === 0 ? usage : guest.lacking();
  if (problem === undefined) return await runIn(guest, command);
  console.error(`${guest.name}: ${problem}`);
  return 2;
};
