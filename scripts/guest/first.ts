/** The first process of another machine: mounts, loads modules, runs the command, writes down how it ended. */
import { realpathSync } from "node:fs";
import { dirname, join } from "node:path";

/** This repository. */
export const CHECKOUT = realpathSync(join(import.meta.dirname, "../.."));

/** A folder that is mounted again, as it may be below one of those that are empty there. */
export type Share = { readonly path: string; readonly mode: "ro" | "rw" };

/** What differs between kinds of machines. */
export type Setting = {
  /** The command that mounts a folder of this machine where it is here; `index` is its place among those shared. */
  readonly mount: (share: Share, index: number) => string;
  /** Folders to be mounted again besides the checkout and the results. */
  readonly further: readonly string[];
  /** The folder with one folder of modules for each version of the kernel. */
  readonly modules: string;
  /** Modules to load before anybody asks. The others are loaded when they are asked for. */
  readonly early: readonly string[];
  /** The letter for /proc/sysrq-trigger that ends the machine: `o` or `b`. */
  readonly ending: "o" | "b";
};

/** Makes any text one word of the shell. */
export const quote = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

/** What a run asks for. */
export type Task = {
  /** The folder for results, which is among those shared. */
  readonly results: string;
  readonly shares: readonly Share[];
  readonly command: readonly string[];
};

/** The script. */
export const firstScript = (
  name: "uml" | "vm",
  { mount, modules, early, ending }: Setting,
  { results, shares, command }: Task,
): string => {
  const again = shares.map(
    (share, index) => `mkdir -p ${quote(share.path)} 2>/dev/null; ${mount(share, index)}`,
  );
  const variable = `${name.toUpperCase()}_RESULTS=${quote(results)}`;
  return `#!/bin/bash
export PATH=${quote(`${join(CHECKOUT, "node_modules", ".bin")}:${dirname(process.execPath)}`)}:/usr/sbin:/usr/bin:/sbin:/bin
export KUBEBUILDER_ASSETS=${quote(process.env.KUBEBUILDER_ASSETS ?? "")}
export HOME=/tmp TERM=dumb NO_COLOR=1 CI=${quote(process.env.CI ?? "")} ${variable} TEST_TALLY=${quote(join(results, "tally"))}
exec 2>&1
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t tmpfs run /run; mount -t tmpfs tmp /tmp
mkdir -p /dev/shm; mount -t tmpfs shm /dev/shm 2>/dev/null
${again.join("\n")}
version=$(uname -r)
mkdir -p /run/modules/lib/modules
ln -s ${quote(modules)}/"$version" /run/modules/lib/modules/"$version"
printf '#!/bin/sh\\nexec /sbin/modprobe -d /run/modules "$@"\\n' >/run/modprobe
chmod +x /run/modprobe
echo /run/modprobe >/proc/sys/kernel/modprobe
/run/modprobe -a ${early.join(" ")}
ip link set lo up
mkfifo /run/end
cd ${quote(CHECKOUT)} || exit
echo "${name}: Linux $version after $(cut -d' ' -f1 /proc/uptime) s"
${command.map(quote).join(" ")}
echo $? >${quote(join(results, "status"))}
echo "${name}: ended after $(cut -d' ' -f1 /proc/uptime) s"
echo ${ending} >/proc/sysrq-trigger
# Its files are gone already, so no program can be started any more.
read -rt 10 <>/run/end
`;
};
