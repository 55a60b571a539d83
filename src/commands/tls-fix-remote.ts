/** `steelyard tls fix --ssh`: the same on several hosts, one after the other, each by the steelyard that is installed there. */
import type { Duration } from "#base/time";
import type { RunProgram } from "#drivers/host/program";
import { isSshTarget } from "./kubeconfig-source.ts";
import { printable } from "./table.ts";

export type Remote = {
  readonly targets: readonly string[];
  /** What is run there, without a shell's special characters. */
  readonly command: readonly string[];
  readonly dryRun: boolean;
  /** For one host: everything that it waits for there, and some more. */
  readonly limit: Duration;
  readonly run: RunProgram;
  readonly say: (line: string) => void;
  readonly complain: (line: string) => void;
};

const DONE = 0;
const FAILED = 1;
const WRONG = 2;
/** What a shell ends with when there is no such program. */
const NOT_FOUND = 127;

const quoted = (word: string): string =>
  /^[\w./:@=,+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/** Runs the command on one host and passes on what it says; gives its status, or what kept it from running. */
const runThere = async (
  remote: Remote,
  target: string,
  more: readonly string[],
): Promise<number | string> => {
  const { run, command, limit, say } = remote;
  const line = [...command, ...more].map(quoted).join(" ");
  const onLine = (text: string): void => say(`${target}: ${printable(text)}`);
  const ssh = [
    "-o",
    "BatchMode=yes",
    "-o",
    "ConnectTimeout=10",
    "-o",
    "ServerAliveInterval=10",
    "--",
    target,
    line,
  ];
  const ran = await run("ssh", ssh, { limit, onLine });
  if (ran.type === "failed") return ran.problem;
  if (ran.status === NOT_FOUND) return "there is no steelyard there, or no sudo (--remote-command names it)";
  // ssh's own failures; nothing of ours ends so.
  return ran.status === 255 ? "ssh did not get there" : ran.status;
};

/** First everybody is asked what would be done, which shows that each is well; then one host after the other does it. */
export const fixRemotely = async (remote: Remote): Promise<number> => {
  const { targets, say, complain, dryRun } = remote;
  const wrong = targets.filter((target) => !isSshTarget(target));
  if (wrong.length > 0) {
    for (const target of wrong) complain(`--ssh ${printable(target)}: is no USER@HOST.`);
    return WRONG;
  }
  const ended = (target: string, status: number | string): number => {
    const how = typeof status === "string" ? status : `ended with status ${status}`;
    complain(`${target}: ${how}`);
    return status === WRONG ? WRONG : FAILED;
  };
  for (const target of targets) {
    const status = await runThere(remote, target, ["--dry-run"]);
    if (status !== DONE) {
      complain("Nothing was changed on any host: all of them must be well before the first is touched.");
      return ended(target, status);
    }
  }
  if (dryRun) return DONE;
  for (const [index, target] of targets.entries()) {
    const status = await runThere(remote, target, []);
    if (status !== DONE) {
      const rest = targets.slice(index + 1);
      const untouched = rest.length === 0 ? "" : `; not touched: ${rest.join(", ")}`;
      complain(
        `Stopped at ${target}${untouched}. Mend it, and give the command again: it goes on where it stopped.`,
      );
      return ended(target, status);
    }
    say(`${target}: done`);
  }
  return DONE;
};
