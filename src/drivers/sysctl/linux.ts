/** Kernel settings through the files below /proc/sys. */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import type { SysctlKey } from "#core/sysctl/key";
import type { SysctlError, SysctlPort } from "./port.ts";

const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : String(cause);

const failed = (key: SysctlKey, code: string): { readonly ok: false; readonly error: SysctlError } => ({
  ok: false,
  error: { key, code },
});

/** The settings of the network namespace that the calling thread is in. `root` is /proc/sys but in tests. */
export const openSysctl = (root = "/proc/sys"): SysctlPort => ({
  observe(keys) {
    const values = new Map<SysctlKey, string>();
    for (const key of keys) {
      try {
        values.set(key, readFileSync(`${root}/${key}`, "latin1").trimEnd());
      } catch (cause) {
        const code = codeOf(cause);
        if (code !== "ENOENT") return failed(key, code);
      }
    }
    return { ok: true, value: values };
  },

  write(key, value) {
    let file: number | undefined;
    try {
      // Never creates a file: a missing setting is an error even where `root` is an ordinary folder.
      file = openSync(`${root}/${key}`, "r+");
      // One write(2): the kernel takes each as a whole value.
      writeSync(file, `${value}\n`);
      return { ok: true, value: undefined };
    } catch (cause) {
      return failed(key, codeOf(cause));
    } finally {
      if (file !== undefined) closeSync(file);
    }
  },
});
