/**
 * Runs a command as root in a virtual machine with Debian's kernel, which has all that a kernel for a cloud or a container
 * lacks: VLANs, bonds, dummies, netem, and nftables, IPVS and XDP at once.
 *
 * Usage: `node scripts/run-in-vm.ts COMMAND…`. Needs the Debian packages qemu-system-x86 and kmod, a C compiler with
 * its static library, and apt to download the kernel with. Everything is emulated, so
 * it is slow, and the same everywhere. What the command finds there: scripts/guest/guest.ts.
 */
import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { quote, type Setting, type Share } from "./guest/first.ts";
import { type Guest, runInGuest } from "./guest/guest.ts";
import { compile, initialFiles } from "./vm/initial.ts";
import { findKernel } from "./vm/kernel.ts";

const EMULATOR = "/usr/bin/qemu-system-x86_64";
const MEMORY = "3G";
/** What emulation does slowly is left out: a fifth level of page tables, and copying byte by byte. */
const PROCESSOR = "max,-la57,-erms,-fsrm";
const MACHINE = [
  ...["-machine", "q35", "-cpu", PROCESSOR, "-smp", "2", "-m", MEMORY],
  // With a thread for each processor one start of Node.js in ten ends with SIGSEGV; alone they are no slower by much.
  ...["-accel", "tcg,thread=single"],
  ...["-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio", "-no-reboot"],
];
/** The program gives nft ten seconds, which is no time to find and load a dozen modules in on a busy machine. */
const EARLY = [
  ...["ipv6", "nf_conntrack", "veth", "bridge", "8021q", "bonding", "macvlan", "sch_netem", "vrf"],
  ...["nf_tables", "nft_chain_nat", "nft_nat", "nft_masq", "nft_reject_inet"],
  ...["nft_hash", "nft_numgen", "nft_fwd_netdev", "nft_ct", "nft_limit"],
];
const P9 = "trans=virtio,version=9p2000.L,msize=512000";

/** Offers a folder of this machine under a name. */
const offer = (tag: string, { path, mode }: Share): readonly string[] => [
  "-fsdev",
  // A comma ends a value unless there are two of them.
  `local,id=${tag},path=${path.replaceAll(",", ",,")},security_model=none,multidevs=remap${mode === "ro" ? ",readonly=on" : ""}`,
  "-device",
  `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`,
];

const setting = (): Setting => {
  const { folder } = findKernel();
  return {
    mount: ({ path, mode }, index) =>
      `mount -t 9p files${index} ${quote(path)} -o ${mode},${P9},cache=${mode === "ro" ? "loose" : "none"}`,
    further: [folder],
    modules: join(folder, "lib/modules"),
    early: EARLY,
    ending: "o",
  };
};

const VM: Guest = {
  name: "vm",
  minutes: 18,
  noise: /^(?:\s*|.*(?:sysrq: Power Off|reboot: Power down))$/,
  lacking: () => {
    if (process.arch !== "x64") return "this machine's kernel for it is Debian's for amd64";
    if (!existsSync(EMULATOR)) return `there is no ${EMULATOR}: apt-get install qemu-system-x86`;
    if (!existsSync("/sbin/modprobe")) return "there is no modprobe: apt-get install kmod";
    return undefined;
  },
  setting,
  start: ({ folder, init, shares }) => {
    const kernel = findKernel();
    const initial = join(folder, "initial.cpio");
    writeFileSync(initial, initialFiles(kernel, folder));
    const ticks = execFileSync(compile("ticks", folder), { encoding: "utf8" }).trim();
    const words = [
      ...["console=ttyS0", "quiet", "panic=-1", "mitigations=off", "rdinit=/first"],
      ...["tsc=reliable", `tsc_early_khz=${ticks}`, "no_timer_check"],
    ];
    const folders = shares.flatMap((share, index) => offer(`files${index}`, share));
    const boot = ["-kernel", kernel.image, "-initrd", initial, "-append", `${words.join(" ")} -- "${init}"`];
    return {
      program: EMULATOR,
      args: [...MACHINE, ...boot, ...offer("root", { path: "/", mode: "ro" }), ...folders],
    };
  },
};

process.exitCode = await runInGuest(VM, process.argv.slice(2));
