/** Debian packages that the machine lacks: installed where that may be done, else named in one line to paste. */

/** What installing needs of the machine. */
export type Machine = {
  readonly isRoot: boolean;
  /** Whether a program of that name can be found. */
  readonly hasTool: (tool: string) => boolean;
  /** Runs `apt-get` without questions; whether it ended well. */
  readonly aptGet: (...args: readonly string[]) => boolean;
  readonly say: (line: string) => void;
  readonly complain: (line: string) => void;
};

const install = (packages: readonly string[], { aptGet, say }: Machine): boolean => {
  say(`installing ${packages.join(" ")}`);
  const wanted = ["install", "-y", "-q", "--no-install-recommends", ...packages];
  // A machine that has never asked for lists has nothing to install from.
  return aptGet(...wanted) || (aptGet("update", "-q") && aptGet(...wanted));
};

/** Sees to it that the missing packages are there; gives the exit status: 1 when the operator has to do it. */
export const provide = (missing: readonly string[], machine: Machine): 0 | 1 => {
  if (missing.length === 0) return 0;
  if (machine.isRoot && machine.hasTool("apt-get") && install(missing, machine)) return 0;
  machine.complain(`missing packages; on Debian, as root: apt-get install -y ${missing.join(" ")}`);
  return 1;
};
