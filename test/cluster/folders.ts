/** Folders of tests, of which none stays behind except those that are to be looked at. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const NAME = /^steelyard-cluster-(\d+)-/;

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
};

/** Removes what tests left behind that were killed. */
const sweep = (): void => {
  for (const entry of readdirSync(tmpdir())) {
    const [, owner] = NAME.exec(entry) ?? [];
    if (owner !== undefined && !isAlive(Number(owner)))
      rmSync(join(tmpdir(), entry), { recursive: true, force: true });
  }
};

/** A new folder of this process; it is removed at the latest when the process ends. */
export const openFolder = (): { readonly path: string; remove(): void } => {
  sweep();
  const path = mkdtempSync(join(tmpdir(), `steelyard-cluster-${process.pid}-`));
  const remove = (): void => rmSync(path, { recursive: true, force: true, maxRetries: 5 });
  process.once("exit", remove);
  return {
    path,
    remove: () => {
      remove();
      process.off("exit", remove);
    },
  };
};
