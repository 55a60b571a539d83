/** A copy of the built program, so that what is measured stays the same while a checkout is worked in. */
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

const ROOT = join(import.meta.dirname, "..");

export type BuildCopy = {
  readonly folder: string;
  /** The command line of `steelyard` without the launcher's search for a Node.js. */
  readonly direct: (...args: readonly string[]) => readonly string[];
  /** The command line that an operator uses; needs `environment`. */
  readonly launched: (...args: readonly string[]) => readonly string[];
  /** Makes the launcher find the copied Node.js first. */
  readonly environment: Readonly<Record<string, string>>;
  readonly remove: () => void;
};

/**
 * Copies `bin`, `dist`, `prebuilds` and Node.js itself to a folder of its own. With a Node.js that nobody else runs,
 * the program shares no pages with the bench, and its memory is what it would be on a machine of its own.
 */
export const copyBuild = (): BuildCopy => {
  if (!existsSync(join(ROOT, "dist/main.js"))) throw new Error('run "npm run build" first');
  const folder = mkdtempSync(join(tmpdir(), "steelyard-bench-"));
  for (const part of ["bin", "dist", "prebuilds", "package.json"])
    cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  const runtime = join(folder, "runtime");
  cpSync(process.execPath, join(runtime, "node"), { dereference: true });
  return {
    folder,
    // The flags are the launcher's.
    direct: (...args) => [
      join(runtime, "node"),
      "--max-semi-space-size=1",
      join(folder, "dist/main.js"),
      ...args,
    ],
    launched: (...args) => [join(folder, "bin/steelyard"), ...args],
    // What the launcher sets, and our copy of Node.js first.
    environment: {
      PATH: [runtime, process.env.PATH ?? ""].join(delimiter),
      MALLOC_ARENA_MAX: "1",
      MALLOC_TRIM_THRESHOLD_: "65536",
      MALLOC_MMAP_THRESHOLD_: "65536",
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
};
