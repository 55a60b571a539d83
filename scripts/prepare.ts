/**
 * `npm run demo`, first step: the Debian packages that building and the lab need.
 *
 * As root on a Debian-like system the missing ones are installed; otherwise the line that does it is printed.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { hasTool, missingPackages } from "#lab/requirements";

/** What the kernel door is compiled with. The headers are no program, so they are looked for by name. */
const compilerPackages = (): readonly string[] => [
  ...(hasTool(process.env.CC ?? "cc") ? [] : ["gcc"]),
  ...(existsSync("/usr/include/linux/errno.h") ? [] : ["libc6-dev"]),
];

const install = (packages: readonly string[]): boolean => {
  console.log(`installing ${packages.join(" ")}`);
  const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const get = (...args: readonly string[]): boolean =>
    spawnSync("apt-get", args, { env: environment, stdio: ["ignore", "ignore", "inherit"] }).status === 0;
  // A machine that has never asked for lists has nothing to install from.
  const wanted = ["install", "-y", "-q", "--no-install-recommends", ...packages];
  return get(...wanted) || (get("update", "-q") && get(...wanted));
};

const packages = [...missingPackages(), ...compilerPackages()];
if (packages.length > 0) {
  const mayInstall = process.getuid?.() === 0 && hasTool("apt-get");
  if (!mayInstall || !install(packages)) {
    console.error(`missing packages; on Debian, as root: apt-get install -y ${packages.join(" ")}`);
    process.exitCode = 1;
  }
}
