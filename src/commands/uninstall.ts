/** `steelyard uninstall`: removes what `steelyard install` wrote. */
import { lstatSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { decodeManifest, type InstalledFile, type Manifest } from "#core/install/manifest";
import type { Role } from "#core/install/unit";
import { readPlaced, removeEmpty } from "#drivers/files/place";
import { takeLock } from "#drivers/host/lock";
import { EDGE_LOCK } from "#roles/edge/options";
import { digestOf, PLACES } from "./installation.ts";

export type UninstallOptions = {
  /** Default: an edge. */
  readonly role?: Role;
  /** Another system's root directory; `/` for this one. */
  readonly root: string;
  /** The configuration goes too. */
  readonly purge: boolean;
  /** Say what would be removed, and remove nothing. */
  readonly dryRun: boolean;
  /** Takes each line of output; standard output by default. */
  readonly print?: (line: string) => void;
};

const DONE = 0;
const NOT_DONE = 1;

type Parts = Required<Pick<UninstallOptions, "role" | "root" | "purge" | "dryRun" | "print">>;

/** Whether the record of an installation names a file. */
const isNamedBy = (record: string | undefined, path: string): boolean =>
  record !== undefined && decodeManifest(record)?.files.some((file) => file.path === path) === true;

/** Why a file stays; `undefined` when it goes. */
const reasonToKeep = (
  { path, digest }: InstalledFile,
  text: string,
  { role, root, purge }: Parts,
): string | undefined => {
  if (path === PLACES[role].config) return purge ? undefined : "--purge removes it";
  const other = role === "edge" ? "vip" : "edge";
  if (isNamedBy(readPlaced(join(root, PLACES[other].record)), path))
    return `${PLACES[other].service} needs it`;
  return digestOf(text) === digest ? undefined : "it was changed since: remove it by hand";
};

const isLink = (path: string): boolean =>
  lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;

const removeFiles = ({ files }: Manifest, parts: Parts): void => {
  const { role, root, dryRun, print } = parts;
  for (const file of files) {
    const path = join(root, file.path);
    const text = readPlaced(path);
    if (text === undefined) continue;
    const reason = reasonToKeep(file, text, parts);
    if (reason !== undefined) print(`keeps ${path}: ${reason}`);
    else {
      print(`${dryRun ? "would remove" : "removes"} ${path}`);
      if (dryRun) continue;
      rmSync(path);
      if (file.path === PLACES[role].config) removeEmpty(dirname(path));
    }
  }
  const enabled = join(root, PLACES[role].enabled);
  if (!isLink(enabled)) return;
  print(`${dryRun ? "would remove" : "removes"} ${enabled}`);
  if (!dryRun) rmSync(enabled);
};

/** Removes what the record of the installation names; gives the exit status. With nothing installed it does nothing. */
export const uninstall = ({
  role = "edge",
  root,
  purge,
  dryRun,
  print = console.log,
}: UninstallOptions): number => {
  const places = PLACES[role];
  const complain = (problem: string): number => {
    process.stderr.write(`steelyard uninstall: ${problem}\n`);
    return NOT_DONE;
  };
  const record = join(root, places.record);
  const text = readPlaced(record);
  if (text === undefined) {
    const config = join(root, places.config);
    print("nothing is installed");
    if (purge && readPlaced(config) !== undefined)
      print(`${config} belongs to no installation: remove it by hand`);
    return DONE;
  }
  const manifest = decodeManifest(text);
  if (manifest === undefined) return complain(`${record} is damaged: remove by hand what it names, then it`);
  if (root === "/" && !dryRun) {
    const lock = takeLock(EDGE_LOCK);
    if (!lock.taken)
      return complain(
        `${lock.detail}: systemctl disable --now ${places.service.replace(".service", "")} first`,
      );
    lock.release();
  }
  try {
    removeFiles(manifest, { role, root, purge, dryRun, print });
    if (dryRun) return DONE;
    // Last: as long as anything is left, this command can be given again.
    rmSync(record);
    removeEmpty(dirname(record));
  } catch (error) {
    return complain(`${error instanceof Error ? error.message : String(error)}. Give the command again`);
  }
  print("The user stays, for files may belong to it: userdel steelyard. Then: systemctl daemon-reload");
  return DONE;
};
