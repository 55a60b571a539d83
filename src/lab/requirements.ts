/** Whether this machine can hold a lab, and what an operator has to do if not. */
import { accessSync, constants, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Where system tools live, for users whose PATH leaves these out. */
const SYSTEM_PATH: readonly string[] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** The programs that a lab starts, and the Debian packages they are in. */
const PACKAGE_BY_TOOL: Readonly<Record<string, string>> = {
  unshare: "util-linux",
  nsenter: "util-linux",
  mount: "mount",
  hostname: "hostname",
  ip: "iproute2",
  nft: "nftables",
};

/** `PATH` as the lab's programs get it. */
export const searchPath = (): string => {
  const own = (process.env.PATH ?? "").split(delimiter).filter((each) => each !== "");
  return [...own, ...SYSTEM_PATH.filter((each) => !own.includes(each))].join(delimiter);
};

const isRunnable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** Whether a program of that name can be found. */
export const hasTool = (tool: string): boolean =>
  searchPath()
    .split(delimiter)
    .some((folder) => isRunnable(join(folder, tool)));

/** The Debian packages that are missing, in alphabetical order. */
export const missingPackages = (
  packageByTool: Readonly<Record<string, string>> = PACKAGE_BY_TOOL,
): readonly string[] =>
  [
    ...new Set(
      Object.entries(packageByTool)
        .filter(([tool]) => !hasTool(tool))
        .map(([, name]) => name),
    ),
  ].sort();

const setting = (path: string): string | undefined => {
  try {
    return readFileSync(`/proc/sys/${path}`, "utf8").trim();
  } catch {
    return undefined; // A kernel without that setting does not restrict by it.
  }
};

/** Kernel settings that keep ordinary users from having namespaces, and what each must not be. */
const RESTRICTIONS = [
  { key: "user/max_user_namespaces", refuses: "0", remedy: "sysctl -w user.max_user_namespaces=15000" },
  {
    key: "kernel/unprivileged_userns_clone",
    refuses: "0",
    remedy: "sysctl -w kernel.unprivileged_userns_clone=1",
  },
  {
    key: "kernel/apparmor_restrict_unprivileged_userns",
    refuses: "1",
    remedy: "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
  },
];

/** Why namespaces were refused, and what to do, in one sentence. */
export const explainRefusal = (isRoot: boolean): string => {
  if (isRoot) return "root lacks CAP_SYS_ADMIN here (a container?): give it, or run outside";
  const closed = RESTRICTIONS.find(({ key, refuses }) => setting(key) === refuses);
  if (closed === undefined) return "this kernel refuses namespaces to ordinary users: run it as root";
  return `this kernel refuses namespaces to ordinary users: run it as root, or run once as root: ${closed.remedy}`;
};

/** What is missing before a lab can be opened, with the line to paste; `undefined` when nothing is. */
export const missingRequirements = (): string | undefined => {
  if (process.platform !== "linux") return "a lab needs Linux";
  const packages = missingPackages();
  return packages.length === 0
    ? undefined
    : `missing programs; on Debian: apt-get install -y ${packages.join(" ")}`;
};
