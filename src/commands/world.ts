/** Everything that decides about addresses, from files or from a cluster: where commands get their world from. */
import { readWorld, type World } from "#core/allocation-plan/world";
import { openFiles } from "#drivers/files/linux";
import type { FilesPort } from "#drivers/files/port";
import { readValues } from "./documents.ts";

/** Where the world is. */
export type WorldSource = {
  /** Files and directories with what `kubectl get` prints. */
  readonly state: readonly string[];
  /** Where files are read; the real ones by default. */
  readonly files?: FilesPort;
};

/** A kind, as in paths, and why it could not be read. */
export type MissingKind = { readonly plural: string; readonly problem: string };

export type WorldRead =
  | {
      readonly ok: true;
      readonly world: World;
      /** All that was read, lists as they are; kinds that decide about no address are among it. */
      readonly objects: readonly unknown[];
      /** Kinds that could not be read and decide about no address. */
      readonly missing: readonly MissingKind[];
    }
  /** One line for each reason. */
  | { readonly ok: false; readonly problems: readonly string[] };

/** Largest file that is read: ten thousand Services take about a third of it. */
const MAX_STATE_BYTES = 64 * 1024 * 1024;

/** Files that may hold all objects of a cluster. */
export const stateFiles = (): FilesPort => openFiles(undefined, MAX_STATE_BYTES);

/** Reads the world as it is now. */
export const readWorldFrom = ({ state, files = stateFiles() }: WorldSource): WorldRead => {
  const { values, problems } = readValues(files, state);
  return problems.length > 0
    ? { ok: false, problems }
    : { ok: true, world: readWorld(values), objects: values, missing: [] };
};
