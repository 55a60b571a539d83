/**
 * Replaces the contents of a file that others own, so that it is there as a whole at every moment: as it was, or as it is to
 * be. Links, owner and mode stay; a copy of the old state is made first if asked for.
 */
import {
  chmodSync,
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

export type Replacement = {
  readonly path: string;
  readonly text: string | Uint8Array;
  /** Permissions that the file is to have; `undefined` keeps those of the file, and gives a new one 0600. */
  readonly mode?: number;
};

export type Replaced =
  | { readonly ok: true; readonly notes: readonly string[] }
  | { readonly ok: false; readonly problem: string };

const MOST_LINKS = 40;
const PERMISSIONS = 0o7777;

const WORDS: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EACCES: "this user may not write there",
  EPERM: "this user may not write there, or not keep the file's owner",
  EROFS: "the file system is read-only",
  ENOENT: "its directory does not exist",
  ENOTDIR: "its directory does not exist",
  ELOOP: "its symbolic links lead nowhere",
};

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : String(error);

/** Why a path cannot be written, in one sentence without its end. */
export const writeProblem = (path: string, error: unknown): string => {
  const code = codeOf(error);
  return `${path} cannot be written: ${WORDS[code] ?? code}`;
};

/** The file that a path leads to, through all symbolic links, even if it is not there yet. */
const placeOf = (path: string): string => {
  let place = resolve(path);
  for (let links = 0; links <= MOST_LINKS; links += 1) {
    const found = lstatSync(place, { throwIfNoEntry: false });
    if (found === undefined) return join(realpathSync(dirname(place)), basename(place));
    if (!found.isSymbolicLink()) return realpathSync(place);
    place = resolve(realpathSync(dirname(place)), readlinkSync(place));
  }
  throw Object.assign(new Error("too many links"), { code: "ELOOP" });
};

const discard = (path: string): void => {
  try {
    rmSync(path, { force: true });
  } catch {
    // Its name says what it is.
  }
};

const syncDirectory = (path: string): void => {
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
};

const writeAside = (
  aside: string,
  text: string | Uint8Array,
  like: Stats | undefined,
  mode: number,
): void => {
  discard(aside);
  // Nobody else reads it before it has its owner and mode.
  const file = openSync(aside, "wx", 0o600);
  try {
    const own = fstatSync(file);
    if (like !== undefined && (like.uid !== own.uid || like.gid !== own.gid)) {
      fchownSync(file, like.uid, like.gid);
    }
    fchmodSync(file, mode);
    writeFileSync(file, text);
    // A full disk may say so only now.
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
};

const octal = (mode: number): string => (mode & PERMISSIONS).toString(8).padStart(4, "0");

const narrowed = (path: string, before: number, now: number): readonly string[] =>
  (before & PERMISSIONS & ~now) === 0 ? [] : [`${path} had mode ${octal(before)} and has ${octal(now)} now`];

/** Writes the file anew; a symbolic link stays one, and what it leads to is written. */
export const replaceFile = ({ path, text, mode }: Replacement): Replaced => {
  let aside: string | undefined;
  try {
    const place = placeOf(path);
    const before = statSync(place, { throwIfNoEntry: false });
    if (before !== undefined && !before.isFile()) return { ok: false, problem: `${path} is no regular file` };
    const permissions = mode ?? (before === undefined ? 0o600 : before.mode & PERMISSIONS);
    aside = join(dirname(place), `.${basename(place)}.steelyard-${process.pid}`);
    writeAside(aside, text, before, permissions);
    renameSync(aside, place);
    syncDirectory(dirname(place));
    return { ok: true, notes: before === undefined ? [] : narrowed(path, before.mode, permissions) };
  } catch (error) {
    if (aside !== undefined) discard(aside);
    return { ok: false, problem: writeProblem(path, error) };
  }
};

/** Takes permissions away that a file should not give; says so. */
export const narrowMode = (path: string, mode: number): Replaced => {
  try {
    const place = placeOf(path);
    const before = statSync(place).mode;
    if ((before & PERMISSIONS & ~mode) === 0) return { ok: true, notes: [] };
    chmodSync(place, before & mode & PERMISSIONS);
    return { ok: true, notes: narrowed(path, before, before & mode) };
  } catch (error) {
    return { ok: false, problem: writeProblem(path, error) };
  }
};

/** Copies a file to a place beside it that is not there yet, with the same owner and mode; gives where, or why not. */
export const backUp = (
  path: string,
  stamp: string,
): { readonly path: string } | { readonly problem: string } => {
  try {
    const place = placeOf(path);
    const like = statSync(place);
    const copy = `${place}.steelyard-${stamp}`;
    writeAside(copy, readFileSync(place), like, like.mode & PERMISSIONS);
    syncDirectory(dirname(copy));
    return { path: copy };
  } catch (error) {
    return { problem: writeProblem(`the copy of ${path}`, error) };
  }
};

/** Makes the directory of a file that is to hold secrets; gives why not. */
export const makePrivateDirectory = (path: string): string | undefined => {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return undefined;
  } catch (error) {
    return writeProblem(path, error);
  }
};
