/**
 * A machine of its own for a test: real systemd as process 1 in private namespaces, on a copy of this system that is
 * written to memory and gone afterwards. Nothing of it is on any network but what the test makes.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./edge-bed.ts";

/** `$1` is an empty directory. Whichever version of control groups the kernel has is there; systemd takes what it finds. */
const BOOT = `
mount -n -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -n -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
cd "$1/root"
mount -n -t proc proc proc
mount -n -t sysfs sysfs sys
mount -n -t tmpfs tmpfs sys/fs/cgroup || true
mkdir -p sys/fs/cgroup/systemd sys/fs/cgroup/unified || true
mount -n -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd || true
mount -n -t cgroup2 cgroup2 sys/fs/cgroup/unified || true
mount -n -t tmpfs tmpfs run
mount -n --rbind /dev dev
rm -rf etc/systemd/system/* usr/sbin/policy-rc.d
printf '[Unit]\\nDescription=nothing but what the test starts\\n' >etc/systemd/system/bare.target
mkdir old
pivot_root . old
umount -n -l old
exec env -i container=other /lib/systemd/systemd --system --unit=bare.target --log-target=null --show-status=no
`;

const PATH = "/usr/sbin:/usr/bin:/sbin:/bin";

export type Machine = {
  /** Runs shell commands there and gives what they wrote; fails unless they end with `status`, 0 by default. */
  readonly run: (commands: string, status?: number) => string;
  /** Puts a file of this system into its /root. */
  readonly copy: (path: string, name: string) => void;
};

/** A machine that goes on until it is stopped. */
export type StartedMachine = Machine & {
  /** Its process 1, as seen from here. */
  readonly pid: number;
  /** Ends it with all that runs there, and forgets what was written there. */
  readonly stop: () => Promise<void>;
};

const NAMESPACES = ["--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child"];

/** Starts a machine of its own. */
export const startMachine = async (): Promise<StartedMachine> => {
  const directory = mkdtempSync(join(tmpdir(), "steelyard-machine-"));
  const mounted = join(directory, "system");
  mkdirSync(mounted);
  const starter = spawn("unshare", [...NAMESPACES, "--", "sh", "-ec", BOOT, "sh", mounted], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = new Promise<void>((resolve) => starter.once("exit", () => resolve()));
  const stop = async (): Promise<void> => {
    starter.kill("SIGKILL");
    await ended;
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const pid = await until(
      "systemd is started",
      async () => {
        const children = readFileSync(`/proc/${starter.pid}/task/${starter.pid}/children`, "utf8");
        const [child = ""] = /^\d+/.exec(children) ?? [];
        return child !== "" && readFileSync(`/proc/${child}/comm`, "utf8") === "systemd\n"
          ? child
          : undefined;
      },
      { withinMs: 20_000 },
    );
    const inside = (commands: string) =>
      spawnSync("nsenter", ["--target", pid, "--all", "sh", "-c", commands], {
        encoding: "utf8",
        env: { PATH },
        timeout: 60_000,
      });
    await until(
      "systemd runs",
      async () => inside("systemctl is-system-running").stdout.trim() === "running",
      { withinMs: 20_000 },
    );
    return {
      pid: Number(pid),
      stop,
      run: (commands, status = 0) => {
        const ran = inside(commands);
        assert.equal(ran.status, status, `${commands}\n${ran.stdout}${ran.stderr}`);
        return `${ran.stdout}${ran.stderr}`;
      },
      copy: (path, name) => copyFileSync(path, `/proc/${pid}/root/root/${name}`),
    };
  } catch (error) {
    await stop();
    throw error;
  }
};

/** Runs a test on a machine of its own. */
export const onMachine = async (test: (machine: Machine) => Promise<void>): Promise<void> => {
  const machine = await startMachine();
  try {
    await test(machine);
  } finally {
    await machine.stop();
  }
};
