/**
 * Debian's kernel for machines in emulation: downloaded as a package and unpacked into a cache, not installed.
 *
 * It lies below `$XDG_CACHE_HOME/steelyard/linux`, in a folder that bears the package's name and version.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** Always leads to the newest kernel of this Debian. The one "for clouds" lacks 9p. */
const META_PACKAGE = "linux-image-amd64";

/** A kernel that can be started. */
export type Kernel = {
  readonly version: string;
  readonly image: string;
  /** The folder that has lib/modules in it. */
  readonly folder: string;
};

const ask = (program: string, ...args: readonly string[]): string =>
  execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });

/** The package's name and its version, as apt would install it. */
const newest = (): { readonly name: string; readonly version: string } => {
  const [, name] = /^ *Depends: (linux-image-\S+)/m.exec(ask("apt-cache", "depends", META_PACKAGE)) ?? [];
  const [, version] =
    name === undefined ? [] : (/^ *Candidate: (\S+)/m.exec(ask("apt-cache", "policy", name)) ?? []);
  if (name === undefined || version === undefined)
    throw new Error(`apt knows no ${META_PACKAGE}: apt-get update`);
  return { name, version };
};

const versionIn = (folder: string): string => {
  const [version] = readdirSync(join(folder, "lib/modules"));
  if (version === undefined) throw new Error(`${folder} holds no modules`);
  return version;
};

/** Makes the folder, which appears complete or not at all; if another process was quicker, its folder is as good. */
const unpack = (cache: string, folder: string, name: string): void => {
  console.error(`downloading ${name}, once`);
  const work = mkdtempSync(join(cache, ".unpacking-"));
  try {
    execFileSync("apt-get", ["download", "-q", "-o", "APT::Sandbox::User=root", name], {
      cwd: work,
      stdio: ["ignore", 2, 2],
    });
    const file = readdirSync(work).find((each) => each.endsWith(".deb"));
    if (file === undefined) throw new Error(`apt-get downloaded no ${name}`);
    const made = join(work, "made");
    execFileSync("dpkg-deb", ["--extract", join(work, file), made]);
    const version = versionIn(made);
    execFileSync("/sbin/depmod", ["--basedir", made, version]);
    if (!existsSync(folder)) renameSync(made, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
};

/** Debian's newest kernel, downloaded and unpacked if it is not there yet. */
export const findKernel = (): Kernel => {
  const { name, version } = newest();
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "steelyard", "linux");
  const folder = join(cache, `${name}_${version}`);
  mkdirSync(cache, { recursive: true });
  if (!existsSync(folder)) unpack(cache, folder, name);
  const kernel = versionIn(folder);
  return { version: kernel, image: join(folder, `boot/vmlinuz-${kernel}`), folder };
};
