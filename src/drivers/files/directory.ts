/** Makes directories for sockets and state. */
import { mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";

const isDirectory = (path: string): boolean => {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
};

const wordsOf = (error: unknown): string => {
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
  switch (code) {
    case "EROFS":
      return "cannot be made: the file system is read-only";
    case "EACCES":
    case "EPERM":
      return `may not be made by this user (${code})`;
    case "EEXIST":
    case "ENOTDIR":
      return "is no directory, nor can it be made one";
    case "ENOENT":
      return "cannot be made: that file system takes no new directories";
    default:
      return `cannot be made: ${code}`;
  }
};

/**
 * Makes a directory of mode 0700 and whatever is missing above it. Gives in one sentence why it could not; `undefined`
 * when it is there. Step by step, because the recursion of Node.js never ends below /proc.
 */
export const makeDirectory = (path: string): string | undefined => {
  const absolute = resolve(path);
  if (isDirectory(absolute)) return undefined;
  const parent = dirname(absolute);
  const above = parent === absolute ? undefined : makeDirectory(parent);
  if (above !== undefined) return above;
  try {
    mkdirSync(absolute, { mode: 0o700 });
  } catch (error) {
    // Our other process may have been faster.
    if (!isDirectory(absolute)) return `the directory ${absolute} ${wordsOf(error)}`;
  }
  return undefined;
};
