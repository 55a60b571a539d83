/**
 * Runs a command as root inside user-mode Linux: another Linux kernel as an ordinary process, which has the modules
 * that this machine's kernel lacks (ip_vs and its schedulers).
 *
 * Usage: `node scripts/run-in-uml.ts COMMAND…`. Needs the Debian packages user-mode-linux and kmod, and a C compiler.
 *
 * The command finds this machine's files read-only, /tmp and /run empty, the checkout where it is here, and a folder
 * for results in $UML_RESULTS, which is kept if this program was given one. A tally (see run-suite.ts) comes back too.
 * A kernel that does not boot, panics or does not end in time is a failure.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

const KERNEL = "/usr/bin/linux.uml";
const MODULES = "/usr/lib/uml/modules";
const MEMORY = "1G";
const LIMIT_MILLIS = Number(process.env.UML_MINUTES ?? 12) * 60_000;
/** What the kernel says whenever it boots and ends. */
const NOISE = /^(?:SELinux:|mmapper_init|Failed to initialize ubd|sysrq:|reboot:|random:|Couldn't determine)/;
const CHECKOUT = realpathSync(join(import.meta.dirname, ".."));
const SHIM = join(CHECKOUT, "test", "uml", "wide-registers.c");

const quote = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

/** The first process of the other machine. What is below the empty folders is mounted again where it was. */
const initScript = (results: string, command: readonly string[]): string => {
  const again = [CHECKOUT, results].map(
    (path, index) =>
      `mkdir -p ${quote(path)} 2>/dev/null; mount -t hostfs none ${quote(path)} -o ${index === 0 ? "ro," : ""}${quote(path)}`,
  );
  return `#!/bin/bash
export PATH=${quote(`${join(CHECKOUT, "node_modules", ".bin")}:${dirname(process.execPath)}`)}:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/tmp TERM=dumb NO_COLOR=1 CI=${quote(process.env.CI ?? "")} UML_RESULTS=${quote(results)} TEST_TALLY=${quote(join(results, "tally"))}
exec 2>&1
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t tmpfs run /run; mount -t tmpfs tmp /tmp
mount -t tmpfs shm /dev/shm 2>/dev/null
${again.join("\n")}
version=$(uname -r)
mkdir -p /run/modules/lib/modules
ln -s ${MODULES}/"$version" /run/modules/lib/modules/"$version"
printf '#!/bin/sh\\nexec /sbin/modprobe -d /run/modules "$@"\\n' >/run/modprobe
chmod +x /run/modprobe
echo /run/modprobe >/proc/sys/kernel/modprobe
# The others are loaded when they are asked for; these have settings before anybody asks.
/run/modprobe -a ipv6 nf_conntrack
ip link set lo up
cd ${quote(CHECKOUT)} || exit
echo "uml: Linux $version after $(cut -d' ' -f1 /proc/uptime) s"
${command.map(quote).join(" ")}
echo $? >${quote(join(results, "status"))}
echo "uml: ended after $(cut -d' ' -f1 /proc/uptime) s"
echo o >/proc/sysrq-trigger
sleep 10
`;
};

/** What is missing, in one line; `undefined` when everything is there. */
const lacking = (): string | undefined => {
  if (!existsSync(KERNEL)) return `there is no ${KERNEL}: apt-get install user-mode-linux`;
  if (!existsSync("/sbin/modprobe")) return "there is no modprobe: apt-get install kmod";
  return undefined;
};

/** Shows what the machine says until it ends; kills it with everything in it when its time is up. */
const watch = async (machine: ChildProcess): Promise<void> => {
  const end = (): void => {
    if (machine.pid !== undefined && machine.exitCode === null) process.kill(-machine.pid, "SIGKILL");
  };
  const timer = setTimeout(() => {
    console.error(`uml: not done after ${LIMIT_MILLIS / 60_000} minutes`);
    end();
  }, LIMIT_MILLIS);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, end);
  if (machine.stdout !== null) {
    for await (const line of createInterface({ input: machine.stdout })) {
      if (!NOISE.test(line)) console.log(line.replaceAll("\r", ""));
    }
  }
  clearTimeout(timer);
};

const main = async (command: readonly string[]): Promise<number> => {
  const problem = command.length === 0 ? "usage: node scripts/run-in-uml.ts COMMAND…" : lacking();
  if (problem !== undefined) {
    console.error(`uml: ${problem}`);
    return 2;
  }
  const folder = mkdtempSync(join(realpathSync(tmpdir()), "steelyard-uml-"));
  const results = process.env.UML_RESULTS ?? join(folder, "results");
  try {
    mkdirSync(results, { recursive: true });
    const [init, shim] = [join(folder, "init"), join(folder, "wide-registers.so")];
    execFileSync("cc", ["-O2", "-shared", "-fPIC", "-o", shim, SHIM], { stdio: "inherit" });
    writeFileSync(init, initScript(results, command), { mode: 0o755 });
    const machine = spawn(
      KERNEL,
      [
        `mem=${MEMORY}`,
        "rootfstype=hostfs",
        "rootflags=/",
        "ro",
        `init=${init}`,
        `uml_dir=${folder}/`,
        "con=null",
        "con0=fd:0,fd:1",
        "quiet",
      ],
      { stdio: ["ignore", "pipe", "ignore"], detached: true, env: { ...process.env, LD_PRELOAD: shim } },
    );
    await watch(machine);
    const tally = join(results, "tally");
    if (process.env.TEST_TALLY !== undefined && existsSync(tally)) {
      appendFileSync(process.env.TEST_TALLY, readFileSync(tally));
    }
    const status = join(results, "status");
    if (existsSync(status)) return Number(readFileSync(status, "utf8"));
    console.error("uml: the machine ended before the command did");
    return 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

process.exitCode = await main(process.argv.slice(2));
