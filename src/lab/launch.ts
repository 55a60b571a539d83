/** Starts a lab's holder in new namespaces. */
import { type ChildProcess, spawn } from "node:child_process";
import { programCommand } from "./programs.ts";
import { searchPath } from "./requirements.ts";

/** Where the folder of a named lab appears inside of it. */
const STATE_INSIDE = "/run/lab/state";

/**
 * Process 1 of the lab. A shell, because it must reap what is left to it, which Node.js does not do. It learns its
 * pid as the outside numbers it before the new /proc hides that, and covers /run with a file system that ends with
 * the lab. With `STATE` set, that folder (which may be below /run) is carried over.
 */
const INIT = `
read -r STEELYARD_LAB_PID rest </proc/self/stat
export STEELYARD_LAB_PID
mount -n -t proc proc /proc
if [ -n "$STATE" ]; then
  mkdir "$STATE/run"
  mount -n -t tmpfs -o mode=755 lab "$STATE/run"
  mkdir -p "$STATE/run/lab/state"
  mount -n --bind "$STATE" "$STATE/run/lab/state"
  mount -n --move "$STATE/run" /run
else
  mount -n -t tmpfs -o mode=755 lab /run
fi
mkdir -p /run/netns /run/lab
"$@"
exit $?
`;

/** How to start a holder. */
export type LaunchOptions = {
  /** The folder of a named lab; its holder serves a socket there and outlives us. Otherwise it ends with us. */
  readonly state?: string;
  /** An open file for what goes wrong in it; only with `state`. */
  readonly log?: number;
};

/** Starts a holder. With pipes on all three outputs, or (with `state`) with none. */
export const launchHolder = ({ state, log }: LaunchOptions = {}): ChildProcess => {
  const isRoot = process.getuid?.() === 0;
  const user = isRoot ? [] : ["--user", "--map-root-user"];
  const namespaces = ["--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--kill-child"];
  const holder = programCommand(
    "holder",
    ...(state === undefined ? [] : ["--socket", `${STATE_INSIDE}/control.sock`]),
  );
  return spawn("unshare", [...user, ...namespaces, "--", "sh", "-ec", INIT, "sh", ...holder], {
    env: { ...process.env, PATH: searchPath(), STATE: state ?? "" },
    stdio: state === undefined ? "pipe" : ["ignore", "ignore", log ?? "ignore"],
    // Its own session: Ctrl-C reaches us alone, and we end the lab in order.
    detached: true,
  });
};
