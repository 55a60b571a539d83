/** Kernel settings in memory. */
import type { SysctlKey } from "#core/sysctl/key";
import type { ObservedSysctls } from "#core/sysctl/plan";
import type { SysctlPort, SysctlResult } from "./port.ts";

export class FakeSysctl implements SysctlPort {
  readonly #values: Map<SysctlKey, string>;
  #refusal: string | undefined;

  /** The settings that this kernel has. */
  constructor(values: ObservedSysctls = new Map()) {
    this.#values = new Map(values);
  }

  observe(keys: readonly SysctlKey[]): SysctlResult<ObservedSysctls> {
    const found = keys.flatMap((key) => {
      const value = this.#values.get(key);
      return value === undefined ? [] : [[key, value] as const];
    });
    return { ok: true, value: new Map(found) };
  }

  write(key: SysctlKey, value: string): SysctlResult<void> {
    if (!this.#values.has(key)) return { ok: false, error: { key, code: "ENOENT" } };
    if (this.#refusal !== undefined) return { ok: false, error: { key, code: this.#refusal } };
    this.#values.set(key, value);
    return { ok: true, value: undefined };
  }

  /** Refuses every write with this errno until called with `undefined`. */
  refuseWrites(code: string | undefined): void {
    this.#refusal = code;
  }
}
