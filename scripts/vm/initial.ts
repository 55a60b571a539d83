/** What a kernel in emulation needs before it can see this machine's files: a program and a few modules. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { CHECKOUT } from "../guest/first.ts";
import { encodeArchive } from "./archive.ts";
import type { Kernel } from "./kernel.ts";

/** The machine's bus, and the file system in which it finds the files. */
const NEEDED = ["virtio_pci", "9pnet_virtio", "9p"];

/** The files of these modules and of those that they need, in the order in which they can be loaded. */
const modulesOf = ({ folder, version }: Kernel): readonly string[] => {
  const files = NEEDED.flatMap((name) =>
    execFileSync("/sbin/modprobe", ["-d", folder, "-S", version, "--show-depends", name], {
      encoding: "utf8",
    })
      .split("\n")
      .flatMap((line) => /^insmod (?<file>\S+)/.exec(line)?.groups?.file ?? []),
  );
  return [...new Set(files)];
};

/** Compiles a program of test/vm. */
export const compile = (name: string, folder: string, ...options: readonly string[]): string => {
  const program = join(folder, name);
  const source = join(CHECKOUT, "test", "vm", `${name}.c`);
  execFileSync("cc", ["-O2", "-Wall", ...options, "-o", program, source], { stdio: "inherit" });
  return program;
};

/** The initial file system; `/first` is the program to start with. */
export const initialFiles = (kernel: Kernel, folder: string): Uint8Array => {
  const modules = modulesOf(kernel);
  const order = modules.map((file) => `/${basename(file)}\n`).join("");
  return encodeArchive([
    { name: "first", content: readFileSync(compile("first", folder, "-static")), isExecutable: true },
    { name: "order", content: Buffer.from(order) },
    ...modules.map((file) => ({ name: basename(file), content: readFileSync(file) })),
  ]);
};
