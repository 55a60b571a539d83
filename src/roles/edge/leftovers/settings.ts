/** Kernel settings that have not been put back. */
import type { Event } from "#core/observation/event";
import { formatSysctlKey } from "#core/sysctl/key";
import type { SysctlPort } from "#drivers/sysctl/port";
import { createSettings } from "../wire/settings.ts";
import type { Finder } from "./leftover.ts";

const NO_HOST = { interfaces: [], ingress: () => [], egress: () => undefined };

/** What the record in the runtime directory says was changed. */
export const findSettings =
  (sysctl: SysctlPort, directory: string): Finder =>
  async () => {
    const failures: string[] = [];
    const emit = (event: Event): void => {
      if (event.type === "sysctl" && event.change === "failed") failures.push(event.detail);
    };
    const settings = createSettings({ sysctl, directory, emit, host: () => NO_HOST });
    const changed = settings.changed();
    if (changed.length === 0) return [];
    const names = changed.map(({ key, from, to }) => `${formatSysctlKey(key)} (${from} -> ${to})`);
    const remove = async (): Promise<string | undefined> => {
      settings.restore();
      return failures[0];
    };
    return [{ what: `change of ${names.join(", ")}`, remove }];
  };
