/** Compiling the BPF programs of this folder with clang: for who changes one, for the test that compares, for benchmarks. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const FLAGS: readonly string[] = [
  ...["-target", "bpf", "-mcpu=v3", "-O2", "-ffreestanding", "-Wall", "-Wextra", "-Werror"],
];

/** The source of the XDP program that is shipped. */
export const XDP_SOURCE: string = join(import.meta.dirname, "xdp/balance.c");

/** `$CLANG` names another compiler. */
const compiler = (): string => process.env.CLANG ?? "clang";

const missing = (): Error => new Error(`no clang (${compiler()}): apt-get install -y clang`);

/** The compiler's own name and version, such as `clang version 14.0.6`; throws one line when there is none. */
export const clangVersion = (): string => {
  const run = spawnSync(compiler(), ["--version"], { encoding: "utf8" });
  const version = run.error === undefined ? /clang version [0-9.]+/.exec(run.stdout)?.[0] : undefined;
  if (version === undefined) throw missing();
  return version;
};

/** Compiles a source of BPF; gives the object file's bytes, or throws what the compiler says. */
export const compileBpf = (source: string): Uint8Array => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-bpf-"));
  try {
    const object = join(folder, "program.o");
    const run = spawnSync(compiler(), [...FLAGS, "-c", source, "-o", object], { encoding: "utf8" });
    if (run.error !== undefined) throw missing();
    if (run.status !== 0) throw new Error(`${compiler()} could not compile ${source}:\n${run.stderr}`);
    return readFileSync(object);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
