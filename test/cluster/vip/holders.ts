/** Who has a virtual address, as the kernels of the hosts tell it. */
import type { LabProcess } from "#lab/index";
import { eventually } from "../eventually.ts";
import type { Masters } from "./bed.ts";
import type { MasterName } from "./plan.ts";

/** A host that has the address from then on or no more; times are milliseconds since 1970. */
type Change = { readonly at: number; readonly host: MasterName; readonly holds: boolean };

/** A time for which one host had the address; `to` is `undefined` while it lasts. */
export type Holding = { readonly host: MasterName; readonly from: number; readonly to: number | undefined };

export type Holders = {
  /** All times for which hosts had the address, by their beginning. */
  holdings(address?: string): readonly Holding[];
  /** The hosts that have it now. */
  now(address?: string): readonly MasterName[];
  /**
   * Resolves with the one host that has it, once that is another one than this, and has been for a while: who stands still for a few
   * hundredths of a second when an address becomes free finds two that have taken it, of which one lets go.
   */
  leaves(host: MasterName | undefined, withinMs?: number): Promise<MasterName>;
  /** Resolves when exactly these have it. */
  are(hosts: readonly MasterName[], withinMs?: number, address?: string): Promise<void>;
};

/** For so long a holder is the only one until it is believed. */
const SETTLED_MS = 500;

/** An address that no host keeps, by which a monitor is heard to have begun. */
const HELLO = "10.2.0.254";
/** `[2026-11-30T17:40:01.123456] Deleted 100: eth0    inet 10.2.0.100/32 scope global eth0 …` */
const LINE = /^\[(\S+)\] (Deleted )?\d+: \S+ +inet6? ([0-9a-f.:]+)\//;

const changesIn = (host: MasterName, text: string, address: string): readonly Change[] =>
  text.split("\n").flatMap((line): readonly Change[] => {
    const [, time, deleted, about] = LINE.exec(line) ?? [];
    if (time === undefined || about !== address) return [];
    // `ip -ts` writes UTC when TZ says so.
    return [{ at: Date.parse(`${time}Z`), host, holds: deleted === undefined }];
  });

/** The kernel tells of an address that is there already whenever its lifetime is set anew. */
const holdingsIn = (changes: readonly Change[]): readonly Holding[] => {
  const all: Holding[] = [];
  let since: number | undefined;
  for (const { at, host, holds } of changes) {
    if (holds) since ??= at;
    else if (since !== undefined) {
      all.push({ host, from: since, to: at });
      since = undefined;
    }
  }
  const [last] = changes.slice(-1);
  return since === undefined || last === undefined
    ? all
    : [...all, { host: last.host, from: since, to: undefined }];
};

const startMonitor = async ({ host }: Masters["all"][number]): Promise<LabProcess> => {
  const monitor = await host.spawn(["ip", "-ts", "-o", "monitor", "address"], { env: { TZ: "UTC" } });
  await eventually("a monitor of addresses", 20_000, async () => {
    await host.run(["ip", "address", "add", `${HELLO}/32`, "dev", "eth1"]);
    await host.run(["ip", "address", "del", `${HELLO}/32`, "dev", "eth1"]);
    return monitor.stdout().includes(HELLO) ? true : undefined;
  });
  return monitor;
};

/** Begins to listen on all hosts; it ends with the lab. */
export const watchHolders = async ({ all }: Masters, virtualAddress: string): Promise<Holders> => {
  const monitors = await Promise.all(
    all.map(async (master) => ({ name: master.name, monitor: await startMonitor(master) })),
  );
  const holdings = (address = virtualAddress): readonly Holding[] =>
    monitors
      .flatMap(({ name, monitor }) => holdingsIn(changesIn(name, monitor.stdout(), address)))
      .sort((left, right) => left.from - right.from);
  const now = (address?: string): readonly MasterName[] =>
    holdings(address).flatMap(({ host, to }) => (to === undefined ? [host] : []));
  return {
    ...{ holdings, now },
    leaves: (host, withinMs = 20_000) => {
      let seen: { readonly by: MasterName | undefined; readonly since: number } = { by: host, since: 0 };
      return eventually(`another holder than ${host}`, withinMs, () => {
        const [one, ...others] = now();
        const by = others.length === 0 ? one : undefined;
        if (by !== seen.by) seen = { by, since: performance.now() };
        return by !== host && performance.now() - seen.since >= SETTLED_MS ? by : undefined;
      });
    },
    are: async (hosts, withinMs = 20_000, address = virtualAddress) => {
      await eventually(`${address} held by ${hosts.join() || "nobody"}`, withinMs, () =>
        [...now(address)].sort().join() === [...hosts].sort().join() ? true : undefined,
      );
    },
  };
};
