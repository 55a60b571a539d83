/** Reads and writes kernel settings below /proc/sys, those of the caller's network namespace. */
import type { SysctlKey } from "#core/sysctl/key";
import type { ObservedSysctls } from "#core/sysctl/plan";

/** A setting that could not be read or written. */
export type SysctlError = {
  readonly key: SysctlKey;
  /**
   * Symbolic errno. `EACCES` or `EPERM`: not allowed; `EROFS`: /proc/sys is mounted read-only, as in a container;
   * `ENOENT`: this kernel has no such setting; `EINVAL`: it refuses the value.
   */
  readonly code: string;
};

export type SysctlResult<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: SysctlError };

export type SysctlPort = {
  /** Reads several settings, without their line ends; those that this kernel does not have are left out. */
  observe(keys: readonly SysctlKey[]): SysctlResult<ObservedSysctls>;
  /** Sets one setting, effective at once. */
  write(key: SysctlKey, value: string): SysctlResult<void>;
};
