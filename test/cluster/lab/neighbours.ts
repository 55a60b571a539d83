/** What a host on the LAN believes about its neighbours: the kernel's own table. */
import assert from "node:assert/strict";
import type { LabHostHandle } from "#lab/index";
import { eventually } from "../eventually.ts";

/** One entry; `mac` is `undefined` while nobody has answered. */
export type Neighbour = {
  readonly address: string;
  readonly mac: string | undefined;
  /** Of the kernel's states, such as `REACHABLE`, `STALE`, `FAILED`, `PERMANENT`. */
  readonly states: readonly string[];
};

type Entry = { readonly dst: string; readonly lladdr?: string; readonly state: readonly string[] };

const DEVICE = ["dev", "eth0"];

/** Everything that a host has in its table for the LAN. */
export const neighboursOf = async (host: LabHostHandle): Promise<readonly Neighbour[]> => {
  const read = async (family: "-4" | "-6"): Promise<readonly Entry[]> =>
    JSON.parse(await host.expect(["ip", family, "-j", "neighbour", "show", ...DEVICE]));
  const entries = [...(await read("-4")), ...(await read("-6"))];
  return entries.map(({ dst, lladdr, state }) => ({ address: dst, mac: lladdr, states: state }));
};

/** The MAC that a host sends to for this address; `undefined` when it knows none. */
export const macAt = async (host: LabHostHandle, address: string): Promise<string | undefined> =>
  (await neighboursOf(host)).find((entry) => entry.address === address)?.mac;

/** Makes a host send to `mac` whatever others say: a Service's address at a node, without a speaker. */
export const pinNeighbour = async (
  host: LabHostHandle,
  { address, mac }: { readonly address: string; readonly mac: string },
): Promise<void> => {
  const entry = [address, "lladdr", mac, ...DEVICE, "nud", "permanent"];
  await host.expect(["ip", "neighbour", "replace", ...entry]);
};

/** Makes a host forget an address. */
export const forgetNeighbour = async (host: LabHostHandle, address: string): Promise<void> => {
  const { code, stderr } = await host.run(["ip", "neighbour", "del", address, ...DEVICE]);
  assert(code === 0 || /No such file/.test(stderr), stderr);
};

/** What a host believed of an address from then on; `mac` is `undefined` when it forgot it. */
export type Belief = { readonly at: number; readonly mac: string | undefined };

export type NeighbourWatch = {
  /** Every change of whom a host sends to for this address, oldest first; times are milliseconds since 1970. */
  beliefs(address: string): readonly Belief[];
  close(): Promise<void>;
};

const LINE = /^\[(\S+)\] (Deleted )?(\S+) (?:dev \S+ )?(?:lladdr ([0-9a-f:]{17}) )?/;
/** An address that nobody has, by which the watch is heard to have begun. */
const HELLO = "10.2.0.254";

const beliefsIn = (text: string, address: string): readonly Belief[] => {
  const told = text.split("\n").flatMap((line): readonly Belief[] => {
    const [, time, deleted, about, mac] = LINE.exec(line) ?? [];
    // `ip -ts` writes UTC when TZ says so.
    if (time === undefined || about !== address) return [];
    return [{ at: Date.parse(`${time}Z`), mac: deleted === undefined ? mac : undefined }];
  });
  return told.filter(({ mac }, index) => mac !== told[index - 1]?.mac);
};

/** Records what a host believes about the LAN, as its kernel tells it. */
export const watchNeighbours = async (host: LabHostHandle): Promise<NeighbourWatch> => {
  const argv = ["ip", "-ts", "-o", "monitor", "neigh", ...DEVICE];
  const monitor = await host.spawn(argv, { env: { TZ: "UTC" } });
  await eventually("a watch of neighbours", 5_000, async () => {
    await pinNeighbour(host, { address: HELLO, mac: "02:00:00:00:00:fe" });
    await forgetNeighbour(host, HELLO);
    return monitor.stdout().includes(HELLO) ? true : undefined;
  });
  return {
    beliefs: (address) => beliefsIn(monitor.stdout(), address),
    close: async () => void (await monitor.stop()),
  };
};
