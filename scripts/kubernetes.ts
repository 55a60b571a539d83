/**
 * Finds the programs of a real Kubernetes control plane for the tests, and builds those that are not there yet.
 *
 * Usage: `node scripts/kubernetes.ts [PROGRAM…] [-- COMMAND…]`, without a PROGRAM etcd, kube-apiserver and kube-proxy. Prints
 * the one folder that holds them all, or runs COMMAND with that folder in `$KUBEBUILDER_ASSETS`. What a folder that this
 * variable names holds already is taken from there (setup-envtest of the Kubernetes project makes such, without kube-proxy).
 *
 * What is missing is built from the published Go modules that tools/kubernetes/go.mod names, once for each version, below
 * `$XDG_CACHE_HOME/steelyard/kubernetes`. `$GO` names the Go to take.
 *
 * What cannot be had is said with a remedy. A COMMAND is then not run, which is a failure in CI (`$CI` is set) and none
 * on a laptop, where nobody should need nine minutes of Go to change a sentence.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  accessSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { homedir } from "node:os";
import { delimiter, join, resolve } from "node:path";

const MODULE = join(import.meta.dirname, "../tools/kubernetes");
/** The packages that programs are built from, by name. All are `tool` lines of go.mod too. */
const PACKAGES: ReadonlyMap<string, string> = new Map([
  ["etcd", "go.etcd.io/etcd/server/v3"],
  ...["kube-apiserver", "kube-proxy", "kubectl"].map(
    (name) => [name, `k8s.io/kubernetes/cmd/${name}`] as const,
  ),
]);
const USUAL = ["etcd", "kube-apiserver", "kube-proxy"];
const BUILD_MINUTES = 25;
/** Nobody debugs these programs: without what debuggers read, which the linker throws away, it takes a seventh less time. */
const BUILD = [
  ...["build", "-C", MODULE, "-mod=readonly", "-buildvcs=false", "-trimpath"],
  ...["-gcflags=all=-dwarf=false", "-ldflags"],
];
/** Programs without cgo need no C compiler here and no particular libc where they run. */
const BUILD_ENVIRONMENT = { CGO_ENABLED: "0", GOWORK: "off" };
/** Set in the process that builds: the lock is held by its parent. */
const LOCKED = "--locked";

/** What the user can do about it is in the message. */
class Missing extends Error {}

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

const inPath = (name: string): string | undefined =>
  (process.env.PATH ?? "")
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find(isProgram);

/** The version of Kubernetes, as in `v1.36.3`. */
const versionOf = (goMod: string): string => {
  const [, version] = /^(?:require\s+|\s+)k8s\.io\/kubernetes (v\d+\.\d+\.\d+)/m.exec(goMod) ?? [];
  if (version === undefined) throw new Error(`${MODULE}/go.mod names no version of k8s.io/kubernetes`);
  return version;
};

/** What the linker writes into the programs; without it they call themselves v0.0.0 and version checks trip. */
const linkerFlags = (version: string): string => {
  const [major = "", minor = ""] = version.slice(1).split(".");
  const values = { gitVersion: version, gitMajor: major, gitMinor: minor, gitTreeState: "clean" };
  const settings = ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"].flatMap((place) =>
    Object.entries(values).map(([name, value]) => `-X ${place}.${name}=${value}`),
  );
  return ["-s -w", ...settings].join(" ");
};

const findGo = (names: readonly string[]): string => {
  const go = process.env.GO ?? inPath("go");
  if (go !== undefined) return go;
  throw new Missing(
    [
      `There is no ${names.join(", no ")} here, and no Go to build ${names.length > 1 ? "them" : "it"} with. One of these helps:`,
      "  a Go of 1.26 or newer in PATH, or named by $GO; on Debian: export GO=$(tools/kubernetes/fetch-go.sh)",
      `  KUBEBUILDER_ASSETS=FOLDER with ${names.join(" and ")} in it`,
    ].join("\n"),
  );
};

/** What Go calls the program: the last element of the package's path that is no version. */
const builtName = (name: string): string =>
  (PACKAGES.get(name) ?? name).split("/").findLast((element) => !/^v\d+$/.test(element)) ?? name;

/** Builds programs into `folder`, where they appear complete or not at all. The lock is held. */
const build = (folder: string, names: readonly string[]): void => {
  const missing = names.filter((name) => !isProgram(join(folder, name)));
  if (missing.length === 0) return;
  const go = findGo(missing);
  const version = versionOf(readFileSync(join(MODULE, "go.mod"), "utf8"));
  console.error(
    `building ${missing.join(" and ")} of Kubernetes ${version} from Go modules: on two cores five to nine minutes, once`,
  );
  const work = mkdtempSync(join(folder, ".building-"));
  try {
    const { status, error } = spawnSync(
      go,
      [
        ...BUILD,
        linkerFlags(version),
        "-o",
        `${work}/`,
        ...missing.map((name) => PACKAGES.get(name) ?? name),
      ],
      {
        stdio: ["ignore", 2, 2],
        timeout: BUILD_MINUTES * 60_000,
        env: { ...process.env, ...BUILD_ENVIRONMENT },
      },
    );
    if (status !== 0)
      throw new Missing(
        `${go} did not build ${missing.join(" and ")}: ${error?.message ?? `status ${status}, and what it says above`}`,
      );
    for (const name of missing) renameSync(join(work, builtName(name)), join(folder, name));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
};

/** As `build`, while no other process does the same. The kernel lets go of the lock however this one ends. */
const buildAlone = (folder: string, names: readonly string[]): void => {
  if (names.every((name) => isProgram(join(folder, name)))) return;
  findGo(names);
  const lock = ["-w", String(BUILD_MINUTES * 60), join(folder, ".lock")];
  const { status, error } = spawnSync(
    "flock",
    [...lock, process.execPath, import.meta.filename, LOCKED, folder, ...names],
    { stdio: ["ignore", 2, 2] },
  );
  if (status !== 0) throw new Missing(error?.message ?? `there is still no ${names.join(", no ")}`);
};

/** A folder of links to programs that lie in several. */
const linkTogether = (folder: string, paths: readonly (readonly [name: string, path: string])[]): string => {
  const key = createHash("sha256").update(JSON.stringify(paths)).digest("hex").slice(0, 16);
  const together = join(folder, `together-${key}`);
  mkdirSync(together, { recursive: true });
  for (const [name, path] of paths) {
    // Another process may do the same just now, or use what is there.
    const fresh = join(together, `.${name}-${process.pid}`);
    symlinkSync(path, fresh);
    renameSync(fresh, join(together, name));
  }
  return together;
};

/** The folder that holds all of these programs. */
const findAssets = (names: readonly string[]): string => {
  const unknown = names.filter((name) => !PACKAGES.has(name));
  if (unknown.length > 0)
    throw new Missing(`${unknown.join(", ")}: unknown; there is ${[...PACKAGES.keys()].join(", ")}`);
  const given = process.env.KUBEBUILDER_ASSETS ?? "";
  const isGiven = (name: string): boolean => given !== "" && isProgram(join(given, name));
  const lacking = names.filter((name) => !isGiven(name));
  if (lacking.length === 0) return given;
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  const version = versionOf(readFileSync(join(MODULE, "go.mod"), "utf8"));
  const folder = join(cache, "steelyard", "kubernetes", `${version}-${process.arch}`);
  mkdirSync(folder, { recursive: true });
  if (given !== "")
    console.error(
      `$KUBEBUILDER_ASSETS holds no ${lacking.join(", no ")}: of Kubernetes ${version} is what is taken besides`,
    );
  buildAlone(folder, lacking);
  if (lacking.length === names.length) return folder;
  return linkTogether(
    folder,
    names.map((name) => [name, join(isGiven(name) ? resolve(given) : folder, name)]),
  );
};

const runCommand = (folder: string, command: readonly string[]): number => {
  const [program = "", ...args] = command;
  const env = { ...process.env, KUBEBUILDER_ASSETS: folder };
  const { status, error } = spawnSync(program, args, { stdio: "inherit", env });
  if (error !== undefined) console.error(error.message);
  return status ?? 1;
};

const isCi = (): boolean => !["", "0", "false"].includes(process.env.CI ?? "");

const main = (args: readonly string[]): number => {
  if (args[0] === LOCKED) {
    const [, folder = "", ...names] = args;
    build(folder, names);
    return 0;
  }
  const dashes = args.indexOf("--");
  const [named, command] = dashes < 0 ? [args, undefined] : [args.slice(0, dashes), args.slice(dashes + 1)];
  const names = named.length > 0 ? named : USUAL;
  try {
    const folder = findAssets(names);
    if (command !== undefined) return runCommand(folder, command);
    console.log(folder);
    return 0;
  } catch (error) {
    if (!(error instanceof Missing)) throw error;
    console.error(error.message);
    if (command === undefined) return 1;
    console.error(`NOT RUN, as there is no Kubernetes: ${command.join(" ")}`);
    return isCi() ? 1 : 0;
  }
};

try {
  process.exitCode = main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
