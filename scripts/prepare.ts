/**
 * `npm run demo`, first step: the Debian packages that building and the lab need.
 *
 * As root on a Debian-like system the missing ones are installed; otherwise the line that does it is printed.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { hasTool, missingPackages } from "#lab/requirements";
import { provide } from "./debian-packages.ts";

/** What the kernel door is compiled with. The headers are no program, so they are looked for by name. */
const compilerPackages = (): readonly string[] => [
  ...(hasTool(process.env.CC ?? "cc") ? [] : ["gcc"]),
  ...(existsSync("/usr/include/linux/errno.h") ? [] : ["libc6-dev"]),
];

process.exitCode = provide([...missingPackages(), ...compilerPackages()], {
  isRoot: process.getuid?.() === 0,
  hasTool,
  aptGet: (...args) => {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    return spawnSync("apt-get", args, { env, stdio: ["ignore", "ignore", "inherit"] }).status === 0;
  },
  say: (line) => console.log(line),
  complain: (line) => console.error(line),
});
