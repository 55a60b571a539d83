/** Writes several files of an installation, all of them or none. */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";

export type PlacedFile = { readonly path: string; readonly text: string; readonly mode: number };

const SUFFIX = ".steelyard-new";

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : String(error);

/** What a file holds; `undefined` when there is none. Throws what else goes wrong. */
export const readPlaced = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
};

/** Makes what directories are missing, and notes each, innermost first. */
const makeDirectories = (path: string, made: string[]): void => {
  const outermost = mkdirSync(path, { recursive: true, mode: 0o755 });
  if (outermost === undefined) return;
  for (let each = path; each.length >= outermost.length; each = dirname(each)) made.push(each);
};

const writeAside = ({ path, text, mode }: PlacedFile, made: string[]): void => {
  const aside = `${path}${SUFFIX}`;
  const file = openSync(aside, "w", mode);
  made.push(aside);
  try {
    writeSync(file, text);
    // A full disk may say so only now.
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
};

/**
 * Writes all files beside their places first, and moves them there when every one is complete: a full disk leaves
 * everything as it was, without the directories that were made. Put the record of the others first: should moving fail
 * half-way, it knows what is there. Gives why not in one sentence, `undefined` when done.
 */
export const placeFiles = (files: readonly PlacedFile[]): string | undefined => {
  const directories: string[] = [];
  const aside: string[] = [];
  let at = "";
  try {
    for (const file of files) {
      at = file.path;
      makeDirectories(dirname(file.path), directories);
      writeAside(file, aside);
    }
    for (const { path } of files) {
      at = path;
      renameSync(`${path}${SUFFIX}`, path);
    }
    return undefined;
  } catch (error) {
    for (const path of aside) rmSync(path, { force: true });
    for (const directory of directories) removeEmpty(directory);
    return `${at} cannot be written: ${codeOf(error)}`;
  }
};

/** Removes a directory that nobody else uses. */
export const removeEmpty = (directory: string): void => {
  try {
    rmdirSync(directory);
  } catch {
    // In use, or gone already.
  }
};
