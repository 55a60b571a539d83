/**
 * Builds a Debian package that contains everything: program, kernel door, Node.js, unit, man page, documentation.
 *
 * `node scripts/build-deb.ts [--arch amd64|arm64] [--output DIRECTORY] [--fast]`, after `npm ci && npm run build`. Prints the
 * path of the package. Debian's own Node.js is too old, so the one of the development dependency goes along; for
 * another architecture it comes from the npm registry, and the door from Debian's cross compiler. `--fast` hardly
 * compresses, for tests. Nothing of the machine is in the package, and the time is that of the last commit.
 *
 * Left out: 32-bit ARM, for which Node.js 24 is no longer published.
 */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { VERSION } from "#base/version";
import { CONFIG_FILE, SERVICE } from "#core/install/names";
import { STARTING_CONFIGURATION } from "#core/install/starting";
import { renderUnit, SYSUSERS } from "#core/install/unit";
import { buildDoor } from "./build-door.ts";

type Architecture = {
  /** As Node.js names it. */
  readonly node: "x64" | "arm64";
  /** `e_machine` of its binaries (elf(5)). */
  readonly machine: number;
  readonly triplet: string;
};

const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  amd64: { node: "x64", machine: 0x3e, triplet: "x86_64-linux-gnu" },
  arm64: { node: "arm64", machine: 0xb7, triplet: "aarch64-linux-gnu" },
};

const LIBRARIES = ["commander", "valibot", "yaml"];
const root = join(import.meta.dirname, "..");
const HOME = "usr/lib/steelyard";
/** Whoever builds a package to hand it on says who they are, as Debian's own tools ask. */
const MAINTAINER = `${process.env.DEBFULLNAME ?? "the steelyard authors"} <${process.env.DEBEMAIL ?? "steelyard@localhost"}>`;
const DOCUMENTS = "usr/share/doc/steelyard";

const run = (program: string, args: readonly string[], cwd = root): string =>
  execFileSync(program, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();

const has = (program: string): boolean => {
  try {
    execFileSync(program, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

/** A stage directory, and ways to put things into it. */
const openStage = (stage: string) => {
  const at = (path: string): string => {
    const place = join(stage, path);
    mkdirSync(dirname(place), { recursive: true, mode: 0o755 });
    return place;
  };
  return {
    at,
    text(path: string, text: string | Uint8Array, mode = 0o644): void {
      writeFileSync(at(path), text);
      chmodSync(join(stage, path), mode);
    },
    copy(path: string, source: string, mode = 0o644): void {
      copyFileSync(source, at(path));
      chmodSync(join(stage, path), mode);
    },
  };
};

type Stage = ReturnType<typeof openStage>;

/** A package of the npm registry, unpacked below `work`; what it installs for this machine is there already. */
const nodePackage = (architecture: Architecture, work: string): string => {
  const name = `node-linux-${architecture.node}`;
  const installed = join(root, "node_modules/node/node_modules", name);
  if (existsSync(installed)) return installed;
  const manifest: { readonly version: string } = JSON.parse(
    readFileSync(join(root, "node_modules/node/package.json"), "utf8"),
  );
  const wanted = `${name}@${manifest.version}`;
  const archive = run("npm", ["pack", "--silent", wanted, "--pack-destination", work], work);
  run("tar", ["-xzf", join(work, basename(archive)), "-C", work]);
  return join(work, "package");
};

/** A binary of another architecture would be found out only where it is installed. */
const checkMachine = (path: string, { machine }: Architecture): void => {
  const header = readFileSync(path).subarray(0, 20);
  if (header.readUInt32BE(0) !== 0x7f454c46 || header.readUInt16LE(18) !== machine)
    throw new Error(`${path} is no binary of the package's architecture`);
};

const stageProgram = (stage: Stage, architecture: Architecture, work: string): void => {
  stage.copy(`${HOME}/bin/steelyard`, join(root, "bin/steelyard"), 0o755);
  symlinkSync("../lib/steelyard/bin/steelyard", stage.at("usr/bin/steelyard"));
  // What V8 has compiled is of use only to the processor that it was compiled on.
  const code = architecture.node === process.arch ? ["*.code"] : [];
  const chunks = globSync(["*.js", "*.cjs", "package.json", ...code], { cwd: join(root, "dist") });
  if (!chunks.includes("main.js")) throw new Error("dist/main.js is missing: npm run build");
  for (const name of chunks) stage.copy(`${HOME}/dist/${name}`, join(root, "dist", name));
  const door = `prebuilds/linux-${architecture.node}/door.node`;
  stage.copy(`${HOME}/${door}`, buildDoor(architecture.node));
  const source = nodePackage(architecture, work);
  const node = stage.at(`${HOME}/runtime/node`);
  stage.copy(`${HOME}/runtime/node`, join(source, "bin/node"), 0o755);
  const strip = architecture.node === process.arch ? "strip" : `${architecture.triplet}-strip`;
  const binaries = [node, stage.at(`${HOME}/${door}`)];
  if (has(strip)) run(strip, binaries);
  stage.copy(`${DOCUMENTS}/licenses/node`, join(source, "LICENSE"));
  for (const binary of binaries) checkMachine(binary, architecture);
};

const stageService = (stage: Stage): void => {
  const options = { program: "/usr/bin/steelyard", author: "the package steelyard" };
  stage.text(`usr/lib/systemd/system/${SERVICE}`, renderUnit(options));
  stage.text("usr/lib/sysusers.d/steelyard.conf", SYSUSERS);
  stage.text(CONFIG_FILE, STARTING_CONFIGURATION);
};

const compressed = (path: string): Uint8Array => gzipSync(readFileSync(join(root, path)), { level: 9 });

/** What Debian's tools read; what changed is told in CHANGELOG.md. `time` in seconds since 1970. */
const debianChangelog = (time: number): string =>
  `steelyard (${VERSION}) unstable; urgency=medium\n\n  * See CHANGELOG.md.\n\n -- ${MAINTAINER}  ${new Date(time * 1_000).toUTCString().replace("GMT", "+0000")}\n`;

const stageDocuments = (stage: Stage, time: number): void => {
  stage.text("usr/share/man/man8/steelyard.8.gz", compressed("packaging/steelyard.8"));
  stage.text(`${DOCUMENTS}/changelog.gz`, gzipSync(debianChangelog(time), { level: 9 }));
  stage.copy(`${DOCUMENTS}/CHANGELOG.md`, join(root, "CHANGELOG.md"));
  stage.copy(`${DOCUMENTS}/copyright`, join(root, "packaging/debian/copyright"));
  stage.copy(`${DOCUMENTS}/NOTICE`, join(root, "NOTICE"));
  for (const name of LIBRARIES) {
    const [licence = "LICENSE"] = globSync("LICENSE*", { cwd: join(root, "node_modules", name) });
    stage.copy(`${DOCUMENTS}/licenses/${name}`, join(root, "node_modules", name, licence));
  }
  for (const page of globSync("docs/*.md", { cwd: root })) {
    stage.copy(`${DOCUMENTS}/${basename(page)}`, join(root, page));
  }
  cpSync(join(root, "examples"), stage.at(`${DOCUMENTS}/examples`), { recursive: true });
};

const sizeOf = (path: string): number =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);

const control = (architecture: string, kilobytes: number): string => `Package: steelyard
Version: ${VERSION}
Architecture: ${architecture}
Maintainer: ${MAINTAINER}
Installed-Size: ${kilobytes}
Depends: libc6 (>= 2.28), libgcc-s1, libstdc++6 (>= 8), systemd-standalone-sysusers | systemd
Recommends: nftables (>= 1.0.6)
Section: net
Priority: optional
Description: addresses that fail over between machines, and balancing behind them
 Two small machines in front of a cluster hold virtual addresses between them
 (VRRP) and spread the connections to these addresses over the nodes, in the
 kernel and with health checks.
 .
 The package brings its own Node.js and needs no other.
`;

const stageControl = (stage: Stage, directory: string, architecture: string): void => {
  const kilobytes = Math.ceil(sizeOf(directory) / 1024);
  stage.text("DEBIAN/control", control(architecture, kilobytes));
  stage.text("DEBIAN/conffiles", `${CONFIG_FILE}\n`);
  for (const script of ["postinst", "prerm", "postrm"]) {
    stage.copy(`DEBIAN/${script}`, join(root, "packaging/debian", script), 0o755);
  }
};

/** When the sources were changed last, in seconds since 1970: told, the last commit's time, or that of the change log. */
const lastChange = (): number => {
  const { SOURCE_DATE_EPOCH: told } = process.env;
  if (told !== undefined) return Number(told);
  if (existsSync(join(root, ".git"))) return Number(run("git", ["log", "-1", "--format=%ct"]));
  return Math.floor(statSync(join(root, "CHANGELOG.md")).mtimeMs / 1_000);
};

/** Builds the package and gives its path. */
const buildPackage = (name: string, output: string, fast: boolean): string => {
  const architecture = ARCHITECTURES[name];
  if (architecture === undefined)
    throw new Error(`no package for ${name}: ${Object.keys(ARCHITECTURES).join(", ")}`);
  const work = mkdtempSync(join(tmpdir(), "steelyard-deb-"));
  try {
    const directory = join(work, "stage");
    mkdirSync(directory, { mode: 0o755 });
    const stage = openStage(directory);
    const time = lastChange();
    process.env.SOURCE_DATE_EPOCH = String(time);
    stageProgram(stage, architecture, work);
    stageService(stage);
    stageDocuments(stage, time);
    stageControl(stage, directory, name);
    mkdirSync(output, { recursive: true });
    const path = join(output, `steelyard_${VERSION}_${name}.deb`);
    const compression = fast ? ["-Zgzip", "-z1"] : ["-Zxz"];
    run("dpkg-deb", ["--root-owner-group", ...compression, "--build", directory, path]);
    return path;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
};

const nativeArchitecture = (): string =>
  Object.keys(ARCHITECTURES).find((name) => ARCHITECTURES[name]?.node === process.arch) ?? process.arch;

try {
  const { values } = parseArgs({
    options: { arch: { type: "string" }, output: { type: "string" }, fast: { type: "boolean" } },
  });
  const output = values.output ?? join(root, "build");
  console.log(buildPackage(values.arch ?? nativeArchitecture(), output, values.fast === true));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
