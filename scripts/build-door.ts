/**
 * Compiles `native/door.c` to `prebuilds/linux-<arch>/door.node` with plain `cc`.
 *
 * `node scripts/build-door.ts [arch]`: the architecture as Node.js names it (x64, arm64, arm, riscv64); `undefined`
 * means this machine's. `$CC` names another compiler; for another architecture the default is Debian's cross compiler.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, renameSync } from "node:fs";
import { fileURLToPath } from "node:url";

type Target = { readonly triplet: string; readonly flags: readonly string[] };

const TARGETS: Readonly<Record<string, Target>> = {
  x64: { triplet: "x86_64-linux-gnu", flags: [] },
  arm64: { triplet: "aarch64-linux-gnu", flags: [] },
  arm: { triplet: "arm-linux-gnueabihf", flags: ["-march=armv7-a", "-mfpu=vfpv3-d16"] },
  riscv64: { triplet: "riscv64-linux-gnu", flags: [] },
};

/** No C library, no start files: the binary may only need what the node executable itself exports. */
const FLAGS: readonly string[] = [
  ...["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror"],
  ...["-ffreestanding", "-fno-stack-protector", "-fvisibility=hidden", "-fPIC", "-shared", "-nostdlib"],
  ...["-Wl,-z,relro,-z,now", "-Wl,-z,noexecstack", "-Wl,-z,nodelete", "-Wl,--build-id=none"],
];

const root = fileURLToPath(new URL("..", import.meta.url));

/** The compiler for `arch`: `$CC`, else `cc` on its own kind of machine, else Debian's cross compiler. */
const compilerFor = (arch: string, target: Target): string =>
  process.env.CC ?? (arch === process.arch ? "cc" : `${target.triplet}-gcc`);

/** What to type when `compiler` is missing. */
const remedy = (compiler: string, arch: string, target: Target): string =>
  arch === process.arch
    ? `no C compiler (${compiler}): apt-get install -y gcc libc6-dev`
    : `no C compiler (${compiler}): apt-get install -y gcc-${target.triplet}`;

/** Builds the door for `arch`. Gives the path of the binary; throws one line that says what is wrong. */
export const buildDoor = (arch: string = process.arch): string => {
  const target = TARGETS[arch];
  if (target === undefined || process.platform !== "linux") {
    throw new Error(
      `no kernel door for ${process.platform}-${arch}: ${Object.keys(TARGETS).join(", ")} on Linux`,
    );
  }
  const folder = `${root}prebuilds/linux-${arch}`;
  const output = `${folder}/door.node`;
  const unfinished = `${output}.${process.pid}`;
  const compiler = compilerFor(arch, target);
  mkdirSync(folder, { recursive: true });
  const inputs = [`-I${root}node_modules/node-api-headers/include`, `${root}native/door.c`, "-lgcc"];
  const run = spawnSync(compiler, [...FLAGS, ...target.flags, "-o", unfinished, ...inputs], {
    encoding: "utf8",
  });
  if (run.error !== undefined) throw new Error(remedy(compiler, arch, target));
  if (run.status !== 0) throw new Error(`${compiler} could not compile native/door.c:\n${run.stderr}`);
  // Replaced in one step: a process that has the old file mapped keeps it.
  renameSync(unfinished, output);
  return output;
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    console.log(buildDoor(process.argv[2]));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
