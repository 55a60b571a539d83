/** What a host on the LAN believes about its neighbours: the kernel's own table. */
import assert from "node:assert/strict";
import type { LabHostHandle } from "#lab/index";

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
