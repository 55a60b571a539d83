/** The facts of `core/host`, read from this machine. */
import { readFileSync } from "node:fs";
import { type Capability, missingCapabilities } from "#core/host/capabilities";
import { cpuLimit } from "#core/host/cpu-limit";

const read = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
};

/** Those of `wanted` that this process lacks. */
export const readMissingCapabilities = (wanted: readonly Capability[]): Capability[] =>
  missingCapabilities(read("/proc/self/status"), wanted);

/** The share of one CPU that our cgroup (version 2) allows; `undefined` when there is no limit to be seen. */
export const readCpuLimit = (): number | undefined => {
  const group = /^0::(\/.*)$/m.exec(read("/proc/self/cgroup"))?.[1] ?? "/";
  return cpuLimit(read(`/sys/fs/cgroup${group}/cpu.max`));
};

/** Tells boots of this machine apart; the same in all of its containers. Empty when the kernel does not say. */
export const readBootId = (): string => read("/proc/sys/kernel/random/boot_id").trim();
