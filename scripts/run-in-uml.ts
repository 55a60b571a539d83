/**
 * Runs a command as root inside user-mode Linux: another Linux kernel as an ordinary process, which has the modules
 * that this machine's kernel lacks (ip_vs and its schedulers).
 *
 * Usage: `node scripts/run-in-uml.ts COMMAND…`. Needs the Debian packages user-mode-linux and kmod, and a C compiler.
 * What the command finds there: scripts/guest/guest.ts.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CHECKOUT, quote } from "./guest/first.ts";
import { type Guest, runInGuest } from "./guest/guest.ts";

const KERNEL = "/usr/bin/linux.uml";
const MEMORY = "1G";

const UML: Guest = {
  name: "uml",
  minutes: 20,
  noise: /^(?:SELinux:|mmapper_init|Failed to initialize ubd|sysrq:|reboot:|random:|Couldn't determine)/,
  lacking: () => {
    if (!existsSync(KERNEL)) return `there is no ${KERNEL}: apt-get install user-mode-linux`;
    if (!existsSync("/sbin/modprobe")) return "there is no modprobe: apt-get install kmod";
    return undefined;
  },
  setting: () => ({
    mount: ({ path, mode }) => `mount -t hostfs none ${quote(path)} -o ${mode},${quote(path)}`,
    further: [],
    modules: "/usr/lib/uml/modules",
    // They have settings before anybody asks for them.
    early: ["ipv6", "nf_conntrack"],
    ending: "o",
  }),
  start: ({ folder, init }) => {
    const shim = join(folder, "wide-registers.so");
    const source = join(CHECKOUT, "test", "uml", "wide-registers.c");
    execFileSync("cc", ["-O2", "-shared", "-fPIC", "-o", shim, source], { stdio: "inherit" });
    return {
      program: KERNEL,
      args: [
        ...[`mem=${MEMORY}`, "rootfstype=hostfs", "rootflags=/", "ro", `init=${init}`, `uml_dir=${folder}/`],
        ...["con=null", "con0=fd:0,fd:1", "quiet"],
      ],
      env: { LD_PRELOAD: shim },
    };
  },
};

process.exitCode = await runInGuest(UML, process.argv.slice(2));
