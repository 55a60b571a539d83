/** Sets the kernel settings that the configuration needs, remembers what they were, and puts them back. */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Desired } from "#core/config/desired";
import type { Event } from "#core/observation/event";
import { planSysctlRestore, planSysctls, type SysctlChange, sysctlsToObserve } from "#core/sysctl/plan";
import { type Host, networkUse } from "#core/sysctl/use";
import type { SysctlPort } from "#drivers/sysctl/port";

/** Where the former values are kept, so that a restart after SIGKILL still knows them. */
const RECORD = "sysctls.json";

export type Settings = {
  /** Makes the kernel's settings what this configuration needs. */
  apply(desired: Desired): void;
  /** Puts back what was changed and nobody else has changed since. */
  restore(): void;
};

const isChange = (value: unknown): value is SysctlChange =>
  typeof value === "object" && value !== null && "key" in value && "from" in value && "to" in value;

/** Changes nothing until `apply`. The record is kept in `directory`. */
export const createSettings = (parts: {
  readonly sysctl: SysctlPort;
  readonly host: () => Host;
  readonly directory: string;
  readonly emit: (event: Event) => void;
}): Settings => {
  const { sysctl, emit } = parts;
  const path = join(parts.directory, RECORD);

  const readRecord = (): SysctlChange[] => {
    try {
      const record: unknown = JSON.parse(readFileSync(path, "utf8"));
      return Array.isArray(record) ? record.filter(isChange) : [];
    } catch {
      return [];
    }
  };

  /** The record is written before the setting is: at any moment, what was changed can be put back. */
  const writeRecord = (made: readonly SysctlChange[]): void => {
    try {
      writeFileSync(`${path}.new`, `${JSON.stringify(made, undefined, 2)}\n`, { mode: 0o600 });
      renameSync(`${path}.new`, path);
    } catch (error) {
      const detail = `the former values could not be recorded in ${path}: ${error instanceof Error ? error.message : String(error)}`;
      emit({ type: "sysctl", setting: RECORD, change: "failed", detail });
    }
  };

  const made: SysctlChange[] = readRecord();

  const set = ({ key, from, to, reason }: SysctlChange, change: "set" | "restored"): void => {
    const written = sysctl.write(key, to);
    if (written.ok)
      emit({ type: "sysctl", setting: key, change, detail: `${from} -> ${to}, because ${reason}` });
    else
      emit({
        type: "sysctl",
        setting: key,
        change: "failed",
        detail: `${written.error.code}: set it to ${to} by hand, because ${reason}`,
      });
  };

  return {
    apply(desired) {
      const use = networkUse(desired, parts.host());
      const observed = sysctl.observe(sysctlsToObserve(use));
      if (!observed.ok) {
        emit({
          type: "sysctl",
          setting: observed.error.key,
          change: "failed",
          detail: `cannot be read: ${observed.error.code}`,
        });
        return;
      }
      const plan = planSysctls(use, observed.value);
      const news = plan.changes.filter(({ key }) => !made.some((before) => before.key === key));
      made.push(...news);
      if (news.length > 0) writeRecord(made);
      for (const change of plan.changes) set(change, "set");
      for (const { key, reason } of plan.missing) {
        emit({
          type: "sysctl",
          setting: key,
          change: "failed",
          detail: `this kernel does not have it, but ${reason}`,
        });
      }
    },
    restore() {
      const observed = sysctl.observe(made.map(({ key }) => key));
      if (observed.ok) for (const change of planSysctlRestore(made, observed.value)) set(change, "restored");
      made.length = 0;
      rmSync(path, { force: true });
    },
  };
};
