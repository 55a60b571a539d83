/** The lock that kubectl takes while it changes a kubeconfig: a file beside it, there while somebody writes. */
import { closeSync, openSync, rmSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { writeProblem } from "./replace.ts";

const TRIES = 50;
const BETWEEN_MS = 100;

/** Runs `action` while holding the lock of `path`; gives why it could not be taken. */
export const withLockFile = async <Result>(
  path: string,
  action: () => Result,
  { tries = TRIES }: { readonly tries?: number } = {},
): Promise<
  { readonly ok: true; readonly value: Result } | { readonly ok: false; readonly problem: string }
> => {
  const lock = `${path}.lock`;
  for (let left = tries; ; left -= 1) {
    try {
      closeSync(openSync(lock, "wx", 0o600));
      break;
    } catch (error) {
      const isTaken = error instanceof Error && "code" in error && error.code === "EEXIST";
      if (!isTaken) return { ok: false, problem: writeProblem(path, error) };
      if (left <= 1) {
        return {
          ok: false,
          problem: `${lock} is there: somebody changes the file, or left it behind: remove it then`,
        };
      }
      await pause(BETWEEN_MS);
    }
  }
  try {
    return { ok: true, value: action() };
  } finally {
    rmSync(lock, { force: true });
  }
};
