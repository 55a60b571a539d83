/** `steelyard install`: makes a checkout or an unpacked package a service of this machine. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { VERSION } from "#base/version";
import { decodeManifest, encodeManifest, type InstalledFile } from "#core/install/manifest";
import type { Role } from "#core/install/unit";
import { type PlacedFile, placeFiles, readPlaced } from "#drivers/files/place";
import { digestOf, filesToInstall, findLauncher, PLACES, type Places } from "./installation.ts";

export type InstallOptions = {
  /** Default: an edge. */
  readonly role?: Role;
  /** Another system's root directory, such as an image that is being made; `/` for this one. */
  readonly root: string;
  /** Say what would be written, and write nothing. */
  readonly dryRun: boolean;
  /** The launcher, if it is not the one that runs. */
  readonly launcher?: string;
  /** Takes each line of output; standard output by default. */
  readonly print?: (line: string) => void;
};

const DONE = 0;
const NOT_DONE = 1;

const NEXT: Readonly<Record<Role, string>> = {
  edge: `
Next:
  edit ${PLACES.edge.config}
  steelyard check /etc/steelyard
  systemctl daemon-reload
  systemctl enable --now steelyard-edge`,
  vip: `
Next:
  edit ${PLACES.vip.config}
  steelyard preflight --config ${PLACES.vip.config}
  systemctl daemon-reload
  systemctl enable --now steelyard-vip`,
};

const sysusers = (root: string): string | undefined => {
  const { status, error } = spawnSync("systemd-sysusers", [`--root=${root}`, "steelyard.conf"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (status === 0) return undefined;
  return error === undefined ? "systemd-sysusers failed" : "there is no systemd-sysusers";
};

/** What is in the way of an installation, with the remedy. */
const obstacle = (
  { record, unit: path }: Places,
  manifest: string | undefined,
  unit: string | undefined,
): string | undefined => {
  if (manifest !== undefined && decodeManifest(manifest) === undefined)
    return `${record} is damaged: move it and ${path} away, and install again`;
  if (manifest === undefined && unit !== undefined)
    return `${path} was not written by an installation: move it away, and install again`;
  return undefined;
};

/** What was installed before and is not written now, such as the configuration of the first time. */
const kept = (manifest: string | undefined, written: readonly PlacedFile[]): readonly InstalledFile[] => {
  const before = manifest === undefined ? undefined : decodeManifest(manifest);
  const names = new Set(written.map(({ path }) => path));
  return before?.files.filter(({ path }) => !names.has(path)) ?? [];
};

/** Writes everything, or nothing and why; gives the exit status. Again it changes only what is not as it should be. */
export const install = ({
  role = "edge",
  root,
  dryRun,
  print = console.log,
  ...options
}: InstallOptions): number => {
  const places = PLACES[role];
  const complain = (problem: string): number => {
    process.stderr.write(`steelyard install: ${problem}\n`);
    return NOT_DONE;
  };
  const launcher = options.launcher === undefined ? findLauncher(role) : { path: options.launcher };
  if ("problem" in launcher) return complain(launcher.problem);
  const manifest = readPlaced(join(root, places.record));
  const inTheWay = obstacle(places, manifest, readPlaced(join(root, places.unit)));
  if (inTheWay !== undefined) return complain(inTheWay);
  const hasConfiguration = readPlaced(join(root, places.config)) !== undefined;
  const files = filesToInstall({ role, launcher: launcher.path, hasConfiguration });
  const changed = files.filter(({ path, text }) => readPlaced(join(root, path)) !== text);
  for (const { path } of changed) print(`${dryRun ? "would write" : "writes"} ${join(root, path)}`);
  if (changed.length === 0) print("everything is installed already");
  if (dryRun) return DONE;
  const written = files.map(({ path, text }) => ({ path, digest: digestOf(text) }));
  const record = encodeManifest({ version: VERSION, files: [...kept(manifest, files), ...written] });
  const failed = placeFiles(
    [{ path: places.record, text: record, mode: 0o644 }, ...changed].map((file) => ({
      ...file,
      path: join(root, file.path),
    })),
  );
  if (failed !== undefined) return complain(`${failed}. Nothing was changed`);
  const noUser = sysusers(root);
  if (noUser !== undefined) complain(`${noUser}: make the user by hand: useradd --system steelyard`);
  print(NEXT[role]);
  return noUser === undefined ? DONE : NOT_DONE;
};
