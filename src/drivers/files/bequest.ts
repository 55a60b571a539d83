/**
 * A small file that one run of the program leaves to the next, which takes it away.
 *
 * Both wait for the disk: it is read before anything else is done and written when everything else is over, and is to be in a directory
 * in memory.
 */
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";

export type Bequest = {
  /** What was left; empty if nothing. It is not there any more then. */
  take(): string;
  /** Leaves it; gives why it could not, or `undefined`. */
  leave(text: string): string | undefined;
};

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : String(error);

/** The file at `path`; what is longer than `longest` bytes was not left by us. */
export const openBequest = (path: string, longest: number): Bequest => ({
  take: () => {
    try {
      const stats = statSync(path);
      if (!stats.isFile()) return "";
      const text = stats.size <= longest ? readFileSync(path, "utf8") : "";
      rmSync(path);
      return text;
    } catch {
      return "";
    }
  },
  leave: (text) => {
    try {
      writeFileSync(`${path}.new`, text, { mode: 0o600 });
      renameSync(`${path}.new`, path);
      return undefined;
    } catch (error) {
      rmSync(`${path}.new`, { force: true });
      return `${path}: ${codeOf(error)}`;
    }
  },
});
