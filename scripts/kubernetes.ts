/**
 * Finds the programs of a real Kubernetes control plane for the tests, and MetalLB's controller and speaker, and builds
 * those that are not there yet.
 *
 * Usage: `node scripts/kubernetes.ts [PROGRAM…] [-- COMMAND…]`, without a PROGRAM all of them. Prints the one folder that
 * holds them all, or runs COMMAND with that folder in `$KUBEBUILDER_ASSETS`. What a folder that this variable names holds
 * already is taken from there (setup-envtest of the Kubernetes project makes such, with etcd and kube-apiserver).
 *
 * What is missing is built from the published Go modules that tools/kubernetes/go.mod and tools/metallb/go.mod name, once for
 * each version, below `$XDG_CACHE_HOME/steelyard`. `$GO` names the Go to take.
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
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { basename, delimiter, join, resolve } from "node:path";

/** A Go module of ours that only names others'. */
type Module = {
  readonly folder: string;
  /** The published module whose version the programs have. */
  readonly upstream: string;
  /** Where linker flags put the version; without it Kubernetes calls itself v0.0.0 and version checks trip. */
  readonly versionPlaces: readonly string[];
  /** Files of it that go along with the programs: everything in one folder, into another. */
  readonly files?: { readonly from: string; readonly to: string };
  /** What the first build costs. */
  readonly cost: string;
};

const TOOLS = join(import.meta.dirname, "../tools");
const KUBERNETES: Module = {
  folder: join(TOOLS, "kubernetes"),
  upstream: "k8s.io/kubernetes",
  versionPlaces: ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"],
  cost: "five to nine minutes",
};
const METALLB: Module = {
  folder: join(TOOLS, "metallb"),
  upstream: "go.universe.tf/metallb",
  versionPlaces: [],
  files: { from: "config/crd/bases", to: "definitions" },
  cost: "two minutes",
};
/** What each program is built from. All packages are `tool` lines of go.mod too. */
const SOURCES: ReadonlyMap<string, { readonly module: Module; readonly package: string }> = new Map([
  ["etcd", { module: KUBERNETES, package: "go.etcd.io/etcd/server/v3" }],
  ...["kube-apiserver", "kube-proxy", "kubectl", "kubeadm"].map(
    (name) => [name, { module: KUBERNETES, package: `k8s.io/kubernetes/cmd/${name}` }] as const,
  ),
  ...["controller", "speaker"].map(
    (name) => [`metallb-${name}`, { module: METALLB, package: `go.universe.tf/metallb/${name}` }] as const,
  ),
]);
const USUAL = [...SOURCES.keys()];
const BUILD_MINUTES = 25;
/** Nobody debugs these programs: without what debuggers read, which the linker throws away, it takes a seventh less time. */
const BUILD = ["-mod=readonly", "-buildvcs=false", "-trimpath", "-gcflags=all=-dwarf=false", "-ldflags"];
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

const sourceOf = (name: string): { readonly module: Module; readonly package: string } => {
  const source = SOURCES.get(name);
  if (source === undefined) throw new Missing(`${name}: unknown; there is ${[...SOURCES.keys()].join(", ")}`);
  return source;
};

/** The version of what a module of ours is there for, as in `v1.36.3`. */
const versionOf = ({ folder, upstream }: Module): string => {
  const goMod = readFileSync(join(folder, "go.mod"), "utf8");
  for (const line of goMod.split("\n")) {
    const [, name, version] = /^(?:require\s+|\s+)(\S+) (v\d+\.\d+\.\d+)/.exec(line) ?? [];
    if (name === upstream && version !== undefined) return version;
  }
  throw new Error(`${folder}/go.mod names no version of ${upstream}`);
};

/** What the linker writes into the programs. */
const linkerFlags = ({ versionPlaces }: Module, version: string): string => {
  const [major = "", minor = ""] = version.slice(1).split(".");
  const values = { gitVersion: version, gitMajor: major, gitMinor: minor, gitTreeState: "clean" };
  const settings = versionPlaces.flatMap((place) =>
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

/** What Go calls a program: the last element of its package's path that is no version. */
const builtName = (name: string): string =>
  sourceOf(name)
    .package.split("/")
    .findLast((element) => !/^v\d+$/.test(element)) ?? name;

/** Copies what goes along with programs; what Go keeps is read-only, the copies are not. */
const copyFiles = (go: string, { folder, upstream, files }: Module, place: string): void => {
  if (files === undefined) return;
  const list = ["list", "-C", folder, "-mod=readonly", "-m", "-f", "{{.Dir}}", upstream];
  const { status, stdout } = spawnSync(go, list, { stdio: ["ignore", "pipe", 2], encoding: "utf8" });
  const from = join(stdout.trim(), files.from);
  if (status !== 0) throw new Missing(`${go} does not find ${upstream}`);
  mkdirSync(join(place, files.to), { recursive: true });
  for (const name of readdirSync(from))
    writeFileSync(join(place, files.to, name), readFileSync(join(from, name)));
};

/** Builds programs of one module into `folder`, where they appear complete or not at all. The lock is held. */
const build = (folder: string, names: readonly string[]): void => {
  const missing = names.filter((name) => !isProgram(join(folder, name)));
  const [first] = missing;
  if (first === undefined) return;
  const go = findGo(missing);
  const { module } = sourceOf(first);
  const version = versionOf(module);
  console.error(
    `building ${missing.join(" and ")} of ${module.upstream} ${version}: on two cores ${module.cost}, once`,
  );
  const work = mkdtempSync(join(folder, ".building-"));
  try {
    const packages = missing.map((name) => sourceOf(name).package);
    const flags = ["-C", module.folder, ...BUILD, linkerFlags(module, version), "-o", `${work}/`];
    const { status, error } = spawnSync(go, ["build", ...flags, ...packages], {
      stdio: ["ignore", 2, 2],
      timeout: BUILD_MINUTES * 60_000,
      env: { ...process.env, ...BUILD_ENVIRONMENT },
    });
    if (status !== 0)
      throw new Missing(
        `${go} did not build ${missing.join(" and ")}: ${error?.message ?? `status ${status}, and what it says above`}`,
      );
    copyFiles(go, module, folder);
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

/** The folder for what is built of a module; it is named after the version. */
const cacheOf = (module: Module): string => {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  const folder = join(cache, "steelyard", basename(module.folder), `${versionOf(module)}-${process.arch}`);
  mkdirSync(folder, { recursive: true });
  return folder;
};

/** The folder that holds all of these programs. */
const findAssets = (names: readonly string[]): string => {
  const given = process.env.KUBEBUILDER_ASSETS ?? "";
  const isGiven = (name: string): boolean => given !== "" && isProgram(join(given, name));
  const folderOf = new Map(
    names.map((name) => {
      const { module } = sourceOf(name);
      return [name, isGiven(name) ? resolve(given) : cacheOf(module)] as const;
    }),
  );
  const lacking = names.filter((name) => !isGiven(name));
  if (lacking.length === 0) return given;
  if (given !== "")
    console.error(`$KUBEBUILDER_ASSETS holds no ${lacking.join(", no ")}, which is taken from elsewhere`);
  for (const module of [KUBERNETES, METALLB]) {
    const ofModule = lacking.filter((name) => sourceOf(name).module === module);
    if (ofModule.length > 0) buildAlone(cacheOf(module), ofModule);
  }
  const [folder = given, ...others] = new Set(folderOf.values());
  if (others.length === 0) return folder;
  return linkTogether(
    cacheOf(KUBERNETES),
    [...folderOf].map(([name, place]) => [name, join(place, name)] as const),
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
