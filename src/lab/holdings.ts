/** Who held an address from when to when, as the kernel of each host told it. Times are milliseconds since 1970. */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import type { Lab } from "./lab.ts";

/** One host had the address on one of its interfaces. `to` is Infinity while it has it. */
export type Tenure = { readonly host: string; readonly from: number; readonly to: number };

/** A stretch of time. */
export type Window = { readonly from: number; readonly to?: number };

export type Holdings = {
  /** Every time a host of the lab had this address, in the order in which it got it. */
  readonly tenures: (address: string) => readonly Tenure[];
  /** The hosts that have it now. */
  readonly holders: (address: string) => readonly string[];
  /** Resolves when exactly these hosts have it, with the moment of the last change. */
  readonly settle: (address: string, hosts: readonly string[], withinMs?: number) => Promise<number>;
  /** The longest time in the window in which nobody had it, in milliseconds. */
  readonly vacancy: (address: string, window: Window) => number;
  /** The longest time in the window in which several hosts had it, in milliseconds. */
  readonly overlap: (address: string, window: Window) => number;
};

type Change = {
  readonly at: number;
  readonly host: string;
  readonly address: string;
  readonly held: boolean;
};

const LINE = /^\[(\S+)\] \[nsid (\d+)\](Deleted )?\d+: \S+\s+inet6? ([0-9a-f.:]+)(?:\/\d+)? /;

const changeOf = (line: string, hostByNsid: ReadonlyMap<string, string>): Change | undefined => {
  const [, time, nsid = "", deleted, address = ""] = LINE.exec(line) ?? [];
  const host = hostByNsid.get(nsid);
  if (time === undefined || host === undefined) return undefined;
  // `ip -ts` writes UTC when TZ says so.
  return { at: Date.parse(`${time}Z`), host, address, held: deleted === undefined };
};

const tenuresIn = (changes: readonly Change[]): readonly Tenure[] => {
  const tenures: Tenure[] = [];
  for (const { at, host, held } of changes) {
    const open = tenures.findIndex((each) => each.host === host && each.to === Number.POSITIVE_INFINITY);
    const last = tenures[open];
    if (held && last === undefined) tenures.push({ host, from: at, to: Number.POSITIVE_INFINITY });
    if (!held && last !== undefined) tenures[open] = { ...last, to: at };
  }
  return tenures;
};

/** The longest stretch of the window in which `wanted` is true of the number of holders. */
const longest = (
  tenures: readonly Tenure[],
  { from, to = Date.now() }: Window,
  wanted: (holders: number) => boolean,
): number => {
  const inside = (at: number): boolean => at > from && at < to;
  const edges = tenures.flatMap((each) => [each.from, each.to]).filter(inside);
  const moments = [from, ...edges.sort((a, b) => a - b), to];
  let length = 0;
  let began: number | undefined;
  for (const [index, at] of moments.entries()) {
    const next = moments[index + 1];
    const matches = next !== undefined && wanted(tenures.filter((t) => t.from <= at && t.to > at).length);
    if (matches) began ??= at;
    if (matches || began === undefined) continue;
    length = Math.max(length, at - began);
    began = undefined;
  }
  return length;
};

/** Starts the record, with one watcher in the switch `sw` that hears the kernel of every host on it. */
export const recordHoldings = async (lab: Lab): Promise<Holdings> => {
  const sw = lab.host("sw");
  const ports: readonly { ifname: string; link_netnsid?: number }[] = JSON.parse(
    await sw.expect(["ip", "-j", "link"]),
  );
  const hostByNsid = new Map(ports.map((port) => [String(port.link_netnsid), port.ifname]));
  const watcher = await sw.spawn(["ip", "-ts", "-o", "monitor", "all-nsid", "address"], {
    env: { TZ: "UTC" },
  });
  // It says nothing when it has begun to listen, so somebody has to say something.
  const hello = async (): Promise<void> => {
    const rt = lab.host("rt");
    await rt.expect(["ip", "address", "add", "127.9.9.9/32", "dev", "lo"]);
    await rt.expect(["ip", "address", "del", "127.9.9.9/32", "dev", "lo"]);
  };
  for (let tries = 0; !watcher.stdout().includes("127.9.9.9"); tries += 1) {
    assert(tries < 50, "the watcher of addresses hears nothing");
    await hello();
    await pause(10);
  }
  const tenures = (address: string): readonly Tenure[] =>
    tenuresIn(
      watcher
        .stdout()
        .split("\n")
        .flatMap((line) => changeOf(line, hostByNsid) ?? [])
        .filter((change) => change.address === address),
    );
  const holders = (address: string): readonly string[] =>
    tenures(address)
      .filter(({ to }) => to === Number.POSITIVE_INFINITY)
      .map(({ host }) => host)
      .sort();
  return {
    tenures,
    holders,
    settle: async (address, hosts, withinMs = 6_000) => {
      const limit = performance.now() + withinMs;
      while (holders(address).join() !== [...hosts].sort().join()) {
        if (performance.now() > limit) {
          const now = holders(address).join(" and ") || "nobody";
          assert.fail(
            `${address} is on ${now} after ${withinMs} ms, not on ${hosts.join(" and ") || "nobody"}`,
          );
        }
        await pause(5);
      }
      const all = tenures(address).flatMap(({ from, to }) =>
        to === Number.POSITIVE_INFINITY ? [from] : [from, to],
      );
      return Math.max(...all);
    },
    vacancy: (address, window) => longest(tenures(address), window, (count) => count === 0),
    overlap: (address, window) => longest(tenures(address), window, (count) => count > 1),
  };
};
