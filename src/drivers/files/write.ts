/** Writes a file so that it is there as a whole or not at all, whatever happens in between. */
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : String(error);

const WORDS: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EACCES: "this user may not write there",
  EPERM: "this user may not write there",
  EROFS: "the file system is read-only",
  ENOENT: "its directory does not exist",
  ENOTDIR: "its directory does not exist",
};

/** Where the text goes: behind a symbolic link, so that the link stays. `undefined` for what is no regular file. */
const placeOf = (path: string): string | undefined => {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return path;
  return found.isFile() ? realpathSync(path) : undefined;
};

/** Removes a file that may not be there. */
const discard = (path: string): void => {
  try {
    rmSync(path, { force: true });
  } catch {
    // It lies beside the file that was wanted, under a name that says what it is.
  }
};

/**
 * Writes text to a file of mode 0640. An existing one is replaced only when asked for. Gives in one sentence why it
 * could not; `undefined` when the file is written.
 */
export const writeNewFile = (
  path: string,
  text: string,
  { replace }: { readonly replace: boolean },
): string | undefined => {
  const place = placeOf(path);
  if (place === undefined) return `${path}: cannot be written: it is no regular file.`;
  const draft = `${place}.new-${process.pid}`;
  try {
    const descriptor = openSync(draft, "wx", 0o640);
    try {
      writeFileSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    if (replace) renameSync(draft, place);
    else linkSync(draft, place);
    return undefined;
  } catch (error) {
    const code = codeOf(error);
    if (code === "EEXIST") return `${path}: there is such a file already. Name another one, or add --force.`;
    return `${path}: cannot be written: ${WORDS[code] ?? code}.`;
  } finally {
    discard(draft);
  }
};
